// Runs before the page is drawn, so that neither the theme nor the controls flicker.
document.documentElement.classList.add("scripts");
try {
  const theme = localStorage.getItem("harness-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* no storage: the system's theme stands */ }
