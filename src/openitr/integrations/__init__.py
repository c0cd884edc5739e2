"""Collections as retrievers of other frameworks.

    openitr.integrations.langchain      pip install "openitr[langchain]"
    openitr.integrations.llama_index    pip install "openitr[llama-index]"

Each takes a local library as well as one behind a server.
"""

from __future__ import annotations
