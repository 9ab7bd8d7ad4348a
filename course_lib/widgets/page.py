"""A figure as one HTML page that works from a file, without network."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape

# The page itself forbids every request, so a figure that needed the network would fail its tests.
POLICY = "default-src 'none'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 16px; font: 15px/1.5 system-ui, sans-serif; background: #fff; color: #1f2933; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14181d; color: #e6eaef; }} }}
h1 {{ font-size: 18px; margin: 0 12px; }} main .clf-title {{ display: none; }}
body.slide {{ height: 560px; overflow: hidden; padding: 0; width: 1184px; }}
.slide h1 {{ display: none; }}
figure {{ margin: 0; }} td, th {{ padding: 2px 8px; text-align: right; }}
{css}
</style>
</head>
<body class="{layout}">
<main>
<h1 dir="auto">{title}</h1>
<div data-figure="twin">{twin}</div>
</main>
<script type="application/json" data-figure="state">{state}</script>
<script type="module">
{module}
</script>
</body>
</html>
"""


def render(title: str, twin: str, state: dict, module: str, css: str) -> str:
    """Write the page.

    title: plain text. twin: HTML. state: JSON and bytes, with "layout". module, css: our own sources, not escaped.
    """
    return FRAME.format(
        policy=POLICY,
        layout=state["layout"],
        title=escape(title),
        twin=twin,
        state=to_json(state),
        module=in_script(module),
        css=css,
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of texts, which are escaped; the first cell of a row is its head."""
    columns = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = (
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    return f"<table><thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def to_json(state: dict) -> str:
    """Turn `state` into JSON that may stand in a script element: no text in it can close that element."""
    text = json.dumps(state, default=tagged_bytes)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def tagged_bytes(value: bytes) -> dict:
    """Bytes for `json.dumps`; the page's `revive` turns them back."""
    return {"$bytes": base64.b64encode(value).decode("ascii")}


def in_script(module: str) -> str:
    """Return our own source; raises ValueError if it holds `</script`, which would end its element."""
    if "</script" in module.lower():
        raise ValueError("module must not hold </script")
    return module
