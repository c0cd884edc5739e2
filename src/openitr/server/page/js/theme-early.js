// A classic script, so that the first paint already has the chosen colours.
try {
	const theme = localStorage.getItem("openitr.theme");
	if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
	// Storage may be forbidden; then the system's colours hold.
}
