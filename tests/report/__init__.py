"""Reports of synthetic results, whose figures are easy to check by hand."""
