"""Agents of people: the official MCP client over real HTTP, told what a client's own configuration says."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


def server_in(text: str, collection: str) -> dict[str, Any]:
    """The one server of a client's JSON."""
    (server,) = json.loads(text)[collection].values()
    return server


@asynccontextmanager
async def agent_told(server: dict[str, Any]) -> AsyncGenerator[Client]:
    """Who goes to its address with its headers."""
    async with (
        httpx2.AsyncClient(headers=server["headers"], timeout=60) as http,
        Client(streamable_http_client(server["url"], http_client=http)) as client,
    ):
        yield client
