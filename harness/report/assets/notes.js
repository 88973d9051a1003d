// The claims of the notes: rows that hold what is looked for, in groups that open while something is.
function startClaims() {
  const groups = [...document.querySelectorAll(".claims-group")];
  for (const table of document.querySelectorAll(".claims-group table")) startSorting(table.tBodies[0], [...table.tHead.rows[0].cells]);
  const opened = groups.map((group) => group.open);
  $("find-claim").addEventListener("input", () => {
    const words = $("find-claim").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    groups.forEach((group, index) => {
      let shown = 0;
      for (const row of group.querySelectorAll("tbody tr")) {
        row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
        shown += !row.hidden;
      }
      group.hidden = words.length > 0 && shown === 0;
      group.open = words.length > 0 || opened[index];
      count += shown;
    });
    $("found-claims").textContent = words.length > 0 ? `${count} claims` : "";
  });
}

