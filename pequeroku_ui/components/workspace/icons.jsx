// What kind of thing a file is, at a glance.
import React from "react";
import { BookOpen, Database, File, FileArchive, FileBraces, FileCode, FileCog, FileImage, FileLock, FileMusic, FileSpreadsheet,
  FileTerminal, FileText, FileVideo, Folder, FolderOpen, GitBranch, Palette } from "lucide-react";
import { extension, nameOf } from "./paths.jsx";

const KINDS = [
  [FileCode, "code", "py js jsx ts tsx mjs cjs go rs c h cc cpp hpp cs java kt swift rb php lua r jl scala hs ex exs erl clj dart vue svelte pl zig"],
  [FileCode, "markup", "html htm xml xhtml svg"],
  [Palette, "style", "css scss sass less"],
  [FileBraces, "data", "json jsonc json5 ipynb yaml yml toml"],
  [FileSpreadsheet, "data", "csv tsv xls xlsx ods"],
  [FileTerminal, "shell", "sh bash zsh fish ps1 bat"],
  [FileText, "text", "txt md markdown rst log pdf doc docx odt tex"],
  [FileImage, "media", "png jpg jpeg gif webp avif bmp ico tiff"],
  [FileMusic, "media", "mp3 ogg wav flac m4a"],
  [FileVideo, "media", "mp4 webm mkv mov avi"],
  [FileArchive, "archive", "zip tar gz tgz xz bz2 zst 7z rar deb whl jar"],
  [Database, "data", "sql sqlite sqlite3 db"],
  [FileCog, "config", "ini cfg conf env service lock editorconfig"],
  [FileLock, "config", "pem key crt pub"],
];
const NAMES = { readme: [BookOpen, "text"], license: [BookOpen, "text"], dockerfile: [FileCog, "config"], makefile: [FileTerminal, "shell"],
  ".gitignore": [GitBranch, "config"], ".gitattributes": [GitBranch, "config"] };
const BY_EXTENSION = new Map(KINDS.flatMap(([icon, tone, ends]) => ends.split(" ").map((each) => [each, [icon, tone]])));

export function FileIcon({ path, isDir, isOpen }) {
  const name = nameOf(path).toLowerCase();
  const [Icon, tone] = isDir ? [isOpen ? FolderOpen : Folder, "folder"]
    : NAMES[name] ?? NAMES[name.replace(/\.[^.]+$/, "")] ?? BY_EXTENSION.get(extension(name)) ?? [File, "plain"];
  return <Icon size={16} aria-hidden="true" className="pq-file-icon" data-kind={tone} />;
}
