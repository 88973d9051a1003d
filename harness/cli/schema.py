"""`harness schema`: the JSON Schema of spec files."""

from harness.cli.output import print_json


def schema() -> None:
    """JSON Schema of a spec file, for editors."""
    from harness.spec.json_schema import spec_schema

    print_json(spec_schema())
