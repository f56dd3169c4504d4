// Loaded before Azurite: its standard input is a pipe held by the process that started it, and ends with it.
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
