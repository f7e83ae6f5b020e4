#!/usr/bin/env node
// Standard JSON on stdin, standard JSON on stdout, nothing else; `--version` as solc itself answers it.
const fs = require("node:fs"), solc = require("solc");
const asked = process.argv.includes("--version");
fs.writeFileSync(1, asked ? `solc, ${solc.version()}\nVersion: ${solc.version()}\n` : solc.compile(fs.readFileSync(0, "utf8")));
