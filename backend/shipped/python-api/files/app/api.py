"""The routes, with FastAPI."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app.items import Items, Unknown, Wrong

app = FastAPI(title="My API")
items = Items()


class NewItem(BaseModel):
    name: str
    amount: int = 1


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/items")
def list_items() -> list[dict[str, object]]:
    return items.all()


@app.post("/items", status_code=201)
def add_item(new: NewItem) -> dict[str, object]:
    return items.add(new.name, new.amount)


@app.get("/items/{item_id}")
def get_item(item_id: int) -> dict[str, object]:
    return items.get(item_id)


@app.delete("/items/{item_id}", status_code=204)
def remove_item(item_id: int) -> None:
    items.remove(item_id)


@app.exception_handler(Unknown)
def unknown(_request: Request, error: Unknown) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 404)


@app.exception_handler(Wrong)
def wrong(_request: Request, error: Wrong) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 422)
