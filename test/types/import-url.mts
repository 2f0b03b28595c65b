// Where the program's types know URL and AbortSignal, they are accepted.
import { importDirectory } from "@aurora/runtime-storage-lmdbx/import";

const stop = new AbortController();
void importDirectory({
  from: new URL("file:///data/old"),
  to: new URL("file:///data/new"),
  signal: stop.signal,
});
// @ts-expect-error other objects are not
void importDirectory({ from: { href: "file:///data" }, to: "new" });
