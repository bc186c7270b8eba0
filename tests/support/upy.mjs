// SPDX-License-Identifier: MIT OR Apache-2.0
// Run a script on MicroPython (the WebAssembly build from npm), with ROOT... importable.
//
//   node upy.mjs HEAP_KIB SCRIPT ROOT...
//
// The build has a 32-bit heap of the size asked for, no asyncio.run, no sockets and no
// os.urandom: enough for the shared package, which wants none of them. `npm ci` in the folder
// wasm/ beside this file installs it.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("wasm/package.json", import.meta.url));
const build = "@micropython/micropython-webassembly-pyscript/micropython.mjs";
const { loadMicroPython } = await import(pathToFileURL(require.resolve(build)));

const [heapKib, script, ...roots] = process.argv.slice(2);
const mp = await loadMicroPython({
  heapsize: Number(heapKib) * 1024,
  linebuffer: true,
  stdout: (line) => console.log(line),
});

function copyTree(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory() && !entry.name.startsWith("__")) {
      mp.FS.mkdir(target);
      copyTree(source, target);
    } else if (entry.name.endsWith(".py")) {
      mp.FS.writeFile(target, readFileSync(source));
    }
  }
}

roots.forEach((root, index) => {
  mp.FS.mkdir(`/lib${index}`);
  copyTree(root, `/lib${index}`);
  mp.runPython(`import sys; sys.path.insert(0, '/lib${index}')`);
});
try {
  mp.runPython(readFileSync(script, "utf8"));
} catch (error) {
  console.error(error.message); // without the stack: it would quote the whole build
  process.exitCode = 1;
}
