"""The editor knows a language by a file's name, loads what it needs for it, and colours the text."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import PaperPage
from tests.e2e.paper_files import PaperFiles
from tests.e2e.workspace_steps import code, open_file

pytestmark = pytest.mark.browser

_LANGUAGES = {
    "python.py": ("def go(): pass", "keyword", "def"),
    "script.js": ("const a = 1", "keyword", "const"),
    "typed.ts": ("interface A { b: string }", "keyword", "interface"),
    "view.jsx": ("const a = <b>x</b>", "typeName", "b"),
    "page.html": ("<p>hello</p>", "typeName", "p"),
    "style.css": ("a { color: red }", "propertyName", "color"),
    "nested.scss": ("a { b { color: red } }", "propertyName", "color"),
    "data.json": ('{"a": true}', "bool", "true"),
    "compose.yaml": ("services: {}", "propertyName", "services"),
    "table.xml": ("<a>b</a>", "typeName", "a"),
    "going.go": ("package main", "keyword", "package"),
    "rusty.rs": ("fn main() {}", "keyword", "fn"),
    "plain.c": ("int main(void) { return 0; }", "keyword", "return"),
    "plus.cpp": ("namespace a {}", "keyword", "namespace"),
    "sharp.cs": ("using System;", "keyword", "using"),
    "Coffee.java": ("class A {}", "keyword", "class"),
    "Island.kt": ("fun main() {}", "keyword", "fun"),
    "Steps.scala": ("object A {}", "keyword", "object"),
    "bird.swift": ("func a() {}", "keyword", "func"),
    "index.php": ("<?php echo 1;", "keyword", "echo"),
    "gem.rb": ("def a; end", "keyword", "def"),
    "moon.lua": ("local a = 1", "keyword", "local"),
    "lazy.hs": ("module Main where", "keyword", "where"),
    "figures.r": ("f <- function(x) x", "keyword", "function"),
    "query.sql": ("SELECT 1;", "keyword", "SELECT"),
    "run.sh": ("if true; then exit; fi", "keyword", "then"),
    "nginx.conf": ("server { listen 80; }", "keyword", "server"),
    "settings.toml": ("key = true", "propertyName", "key"),
    "message.proto": ("message A {}", "keyword", "message"),
    "change.diff": ("+ added", "inserted", "+ added"),
    "Dockerfile": ("FROM debian:12", "keyword", "FROM"),
    "Containerfile": ("FROM debian:12", "keyword", "FROM"),
    ".bashrc": ("if true; then exit; fi", "keyword", "then"),
    ".env": ("# secret", "comment", "# secret"),
    "app.service": ("[Service]\nType=simple", "definition", "Type"),
    "welcome.ipynb": ('{"cells": true}', "bool", "true"),
}
"""By file: a text, the kind of a word in it, and the word."""


async def test_the_text_of_each_language_is_coloured_as_such(paper: PaperFiles, paper_page: PaperPage) -> None:
    for name, (text, _, _) in _LANGUAGES.items():
        paper.put(f"/app/{name}", text)
    page = await paper_page(viewport={"width": 1280, "height": 2000})
    for name, (_, kind, word) in _LANGUAGES.items():
        await open_file(page, name)
        shown = code(page).locator(f".tok-{kind}").filter(has_text=re.compile(f"^{re.escape(word)}$")).first
        await expect(shown, name).to_be_visible()
        colour = "each => getComputedStyle(each).color"
        assert await shown.evaluate(colour) != await code(page).evaluate(colour), name
