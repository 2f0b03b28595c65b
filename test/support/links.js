"use strict";
// The links of Markdown documents.

const fs = require("node:fs");
const path = require("node:path");

/** Without code blocks, in which brackets mean something else. */
const prose = (markdown) => markdown.replace(/^```[\s\S]*?^```$/gm, "");

/** The anchors of a document's headings, as web pages make them. */
function anchors(markdown) {
  const headings = [...prose(markdown).matchAll(/^#+ (.+)$/gm)];
  return headings.map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** The links of a document below a directory that lead to no file, or to no heading, there. */
function deadLinks(directory, document) {
  const read = (file) => fs.readFileSync(path.join(directory, file), "utf8");
  const links = [...prose(read(document)).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link);
  return links.filter((link) => {
    if (link.startsWith("http")) return false;
    const [file, anchor] = link.split("#");
    const target = file === "" ? document : path.join(path.dirname(document), file);
    if (target.startsWith("..") || !fs.existsSync(path.join(directory, target))) return true;
    return anchor !== undefined && !anchors(read(target)).includes(anchor);
  });
}

module.exports = { deadLinks };
