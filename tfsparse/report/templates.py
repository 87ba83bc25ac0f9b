"""Pages from templates: self-contained, with the look of all pages."""

import pathlib

import jinja2

from tfsparse.formatting import byte_size, count, duration, number_of
from tfsparse.runtime import input_shapes

PACKAGE = pathlib.Path(__file__).parent.parent


def render(template, **values):
    """Fills a template.

    Args:
        template: Its path in the package, such as `"report/page.html.jinja"`.
        **values: What it shows.

    Returns:
        The page, a string.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PACKAGE, encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "bytes": byte_size,
        "count": count,
        "number_of": number_of,
        "duration": duration,
        "hint": input_shapes.hint,
    }
    return environment.get_template(template).render(**values)
