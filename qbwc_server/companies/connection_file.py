"""A company's connection file, from what is stored of the company."""

from __future__ import annotations

from qbwc_server.companies.registry import Company
from qbwc_server.words.qwc import QwcFile, app_name, render


def qwc_of(company: Company, public_url: str) -> bytes:
    """Return the .qwc file of a company, the same on every call.

    Raises:
        QwcError: the public URL cannot stand in such a file.
    """
    return render(
        QwcFile(
            app_name=app_name(company.name),
            app_url=f"{public_url}/qbwc",
            app_description="Keeps QuickBooks and Mosaic in agreement.",
            app_support=f"{public_url}/",
            username=company.username,
            owner_id=company.owner_id,
            file_id=company.file_id,
            run_every_minutes=company.poll_every,
        )
    )
