"""Parse Python from several threads at once."""

import ast
import threading

# CPython 3.11 counts the depth of the tree it builds once for all threads: where the garbage
# collector lets another thread in, both fail with "AST constructor recursion depth mismatch".
_one_at_a_time = threading.Lock()


def parse(source: str | bytes) -> ast.Module:
    """Return the syntax tree of some Python code, as `ast.parse` does."""
    try:
        with _one_at_a_time:
            return ast.parse(source)  # noqa: TID251
    except (ValueError, RecursionError, MemoryError) as error:  # a zero byte; brackets by the 100
        raise SyntaxError(str(error) or "it is nested too deeply") from error
