"""How static files are served: compressed, named by their content, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also writes the hashed names into the ``import`` lines of our ES modules.

    Without that a module would load twice: by its hashed name from the page, by its plain one from its importer.
    """

    support_js_module_import_aggregation = True
