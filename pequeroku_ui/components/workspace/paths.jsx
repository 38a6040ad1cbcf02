// Paths of the guest, and words about files. A name's bytes that are no UTF-8 stand in it as lone surrogates
// (docs/files.md): they are sent back as they came, and shown as one sign.
export const ROOT = "/app";

export const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);
export const folderOf = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
export const join = (folder, name) => `${folder}/${name}`;
export const isUnder = (path, folder) => path === folder || path.startsWith(`${folder}/`);
export const moved = (path, from, to) => to + path.slice(from.length);
export const relative = (path) => (path === ROOT ? "app" : path.slice(ROOT.length + 1));
export const shown = (text) => text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (each) => (each.length > 1 ? each : "\ufffd"));
export const extension = (path) => /\.([^./]+)$/.exec(path)?.[1].toLowerCase() ?? "";
export const parentsOf = (path) => {
  const found = [];
  for (let folder = folderOf(path); isUnder(folder, ROOT); folder = folderOf(folder)) found.unshift(folder);
  return found;
};

export function whyNotName(name) {
  if (!name.trim()) return "A name is needed.";
  if (name.includes("\0")) return "A name can't have that character.";
  if (name.split("/").some((part) => part === "." || part === "..")) return "“.” and “..” can't be names.";
  if (name.split("/").some((part) => new TextEncoder().encode(part).length > 255)) return "That name is too long.";
  return "";
}

const escaped = (text) => encodeURIComponent(text);

// For a URL: surrogates that stand for single bytes become these bytes.
const inUrl = (path) =>
  path.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]|[^\ud800-\udfff]+/g, (part) => {
    const code = part.charCodeAt(0);
    if (part.length === 1 && code >= 0xdc80 && code <= 0xdcff) return `%${(code - 0xdc00).toString(16).toUpperCase()}`;
    return part.length === 1 && code >= 0xd800 && code <= 0xdfff ? "%EF%BF%BD" : escaped(part);
  });

const api = (containerId, what, path, more = "") => `/api/containers/${containerId}/${what}/?path=${inUrl(path)}${more}`;
export const fileUrl = (containerId, path, more = "") => api(containerId, "download_file", path, more);
export const folderUrl = (containerId, path) => api(containerId, "download_folder", path);
export const uploadUrl = (containerId, path, more) => api(containerId, "upload_file", path, more);

const IMAGES = new Set(["png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "ico"]);
export const isImage = (path) => IMAGES.has(extension(path));
const PREVIEWS = { md: "markdown", markdown: "markdown", csv: "table", tsv: "table", svg: "drawing" };
export const previewOf = (path) => PREVIEWS[extension(path)] ?? "";

export function sizeWords(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let size = bytes, unit = 0;
  while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
