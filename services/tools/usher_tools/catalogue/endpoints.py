"""Importing a catalogue over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from usher_shared.http.app import require_caller
from usher_tools.catalogue.model import Catalogue
from usher_tools.catalogue.service import CatalogueImported, import_catalogue
from usher_tools.office import Office

router = APIRouter(tags=["catalogue"])


@router.post("/catalogue", dependencies=[Depends(require_caller("cli"))])
async def post_catalogue(catalogue: Catalogue, request: Request) -> CatalogueImported:
    """Import a catalogue document: idempotent upsert by id."""
    office: Office = request.app.state.office
    with office.outbox.nudging():
        return await import_catalogue(catalogue, office.store, office.clock, office.ids)
