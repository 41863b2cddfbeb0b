"""Charts of published figures and of what they allow to conclude."""

import pandas as pd

from analysis.figures.theme import COLOURS, QUIET, SIMULATED, WAN, Chart, finish, new_figure

_MEASURES = {"net": "operating surplus", "operating": "operating income", "total": "total income"}


def benchmark_dots(benchmarks: pd.DataFrame, claim_wan: float, claim: str) -> Chart:
    """Draw published means as dots, measure by measure, against one claimed value.

    Parameters
    ----------
    benchmarks : DataFrame
        ``place, year, measure, value_wan_yuan, qualifier``; drawn in the order of its rows.
    claim_wan : float
        The claimed mean, 万元.
    claim : str
        What the line of the claim is called.
    """
    figure, (axes,) = new_figure(height=1.1 + 0.3 * len(benchmarks))
    names, sentences = [], []
    for row, item in enumerate(benchmarks.to_dict("records")):
        value = float(item["value_wan_yuan"])
        colour = COLOURS["allied_weak" if item["measure"] == "net" else item["measure"]]
        axes.plot([value, claim_wan], [row, row], color=QUIET, linewidth=0.7, zorder=1)
        filled = item["qualifier"] == "exact"
        axes.plot(
            value, row, marker="o", ms=7, markeredgecolor=colour,
            markerfacecolor=colour if filled else "white",
        )  # fmt: skip
        side = -1 if value < claim_wan else 1
        axes.annotate(
            f"{value:.2f}", (value, row), xytext=(9 * side, 0), textcoords="offset points",
            ha="right" if side < 0 else "left", va="center", fontsize=8.5,
        )  # fmt: skip
        name = f"{item['place']} {item['year']}, {_MEASURES.get(item['measure'], item['measure'])}"
        names.append(name)
        sentences.append(f"{name} {value:.2f}")
    axes.axvline(claim_wan, color=SIMULATED, linewidth=1.4)
    axes.annotate(
        f"{claim} {claim_wan:g}", (claim_wan, -0.75), xytext=(5, 0), textcoords="offset points",
        color=SIMULATED, fontsize=8.5, va="center",
    )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -1.1)
    axes.set_xlim(0, max(float(benchmarks["value_wan_yuan"].max()), claim_wan) * 1.18)
    axes.grid(visible=False)
    axes.set_xlabel(
        f"Mean a village, {WAN}; filled: as printed, hollow: derived from printed growth"
    )
    return finish(
        figure,
        f"Dots of published means in 万元 against {claim} {claim_wan:g}: "
        + "; ".join(sentences)
        + ".",
    )


def bound_ranges(bounds: pd.DataFrame, xlabel: str, *, digits: int = 0) -> Chart:
    """Draw what can be concluded as ranges from low to high, one row a statement.

    Parameters
    ----------
    bounds : DataFrame
        ``statement, low, high``; equal low and high make a point.
    xlabel : str
        Quantity with its unit.
    digits : int
        Decimals of the numbers at the ends.
    """
    figure, (axes,) = new_figure(height=0.9 + 0.42 * len(bounds))
    sentences = []
    span = float(bounds["high"].max() - min(bounds["low"].min(), 0.0))
    for row, item in enumerate(bounds.to_dict("records")):
        low, high = float(item["low"]), float(item["high"])
        if high > low:
            axes.plot(
                [low, high], [row, row], color=COLOURS["operating"], linewidth=7,
                solid_capstyle="butt", alpha=0.85,
            )  # fmt: skip
        else:
            axes.plot(low, row, marker="o", ms=8, color=COLOURS["operating"])
        text = f"{low:.{digits}f} to {high:.{digits}f}" if high > low else f"{low:.{digits}f}"
        axes.annotate(
            text, (high, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5
        )
        sentences.append(f"{item['statement']}: {text}")
    axes.set_yticks(range(len(bounds)), bounds["statement"].tolist())
    axes.set_ylim(len(bounds) - 0.4, -0.6)
    axes.set_xlim(
        min(float(bounds["low"].min()), 0.0) - 0.02 * span, bounds["high"].max() + 0.2 * span
    )
    # the room right of the longest range is for its numbers, not for values that cannot be
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= bounds["high"].max()])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(xlabel)
    return finish(figure, f"Ranges of {xlabel}. " + "; ".join(sentences) + ".")
