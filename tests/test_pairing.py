"""What is published is what was run: each .md and its .ipynb are one chapter."""

import notebooks as tool
import pytest
from course import code_cells, name, notebooks, output_text, read_markdown, read_notebook, sources, tags

REMEDY = "run `make notebooks`"


def committed(source):
    """The notebook beside `source`."""
    return read_notebook(source.with_suffix(".ipynb"))


def test_there_are_chapters():
    assert sources(), "no chapter under chapters/<part>/: the other tests would have nothing to check"


def test_every_notebook_has_its_markdown():
    for path in notebooks():
        assert path.with_suffix(".md").exists(), (
            f"{name(path)}.ipynb has no .md, its source: restore it, or delete the notebook"
        )


@pytest.mark.parametrize("source", sources(), ids=name)
class TestPair:
    def test_both_hold_the_same_cells(self, source):
        in_md = [(cell.cell_type, cell.source) for cell in read_markdown(source).cells]
        in_nb = [(cell.cell_type, cell.source) for cell in committed(source).cells]
        for index, (left, right) in enumerate(zip(in_md, in_nb)):
            same = left == right
            assert same, f"{name(source)}: cell {index} of the .ipynb is not that of the .md: {REMEDY}"
        assert len(in_md) == len(in_nb), (
            f"{name(source)}: {len(in_md)} cells in the .md, {len(in_nb)} in the .ipynb: {REMEDY}"
        )

    def test_both_hold_the_same_cell_metadata(self, source):
        for index, (left, right) in enumerate(zip(read_markdown(source).cells, committed(source).cells)):
            assert left.metadata == right.metadata, f"{name(source)}: metadata of cell {index} differ: {REMEDY}"

    def test_outputs_came_from_this_code_style_and_data(self, source):
        stored = committed(source).metadata.get("course", {}).get("code")
        assert stored == tool.code_hash(read_markdown(source), source), (
            f"{name(source)}: code, style or data changed since the notebook was executed: {REMEDY}"
        )

    def test_markdown_is_in_canonical_form(self, source):
        canonical = source.read_text(encoding="utf-8") == tool.canonical_markdown(source)
        assert canonical, (  # comparing the texts here would have pytest look for the differences for minutes
            f"{name(source)}.md is not as jupytext writes it, so JupyterLab would not open the pair: {REMEDY}"
        )

    def test_every_code_cell_ran_in_order(self, source):
        counts = [cell.execution_count for _, cell in code_cells(committed(source))]
        assert counts == list(range(1, len(counts) + 1)), (
            f"{name(source)}: execution counts {counts}: {REMEDY.replace('`make notebooks`', f'`make notebooks CHAPTER={name(source)}`')}"
        )

    def test_no_cell_has_an_error_a_warning_or_standard_error(self, source):
        for index, cell in code_cells(committed(source)):
            for output in cell.outputs:
                assert output.output_type != "error", (
                    f"{name(source)}: cell {index} stores an error: mend it and {REMEDY}"
                )
                assert output.get("name") != "stderr", (
                    f"{name(source)}: cell {index} stores standard error: mend it and {REMEDY}"
                )
            assert "Warning" not in output_text(cell), (
                f"{name(source)}: cell {index} shows a warning: mend it and {REMEDY}"
            )

    def test_no_cell_escapes_the_check(self, source):
        for index, cell in code_cells(committed(source)):
            assert not tags(cell) & {"nbval-skip", "raises-exception"} and "NBVAL_" not in cell.source, (
                f"{name(source)}: cell {index} asks nbval to look away: only the tag nbval-ignore-output is allowed, for timings"
            )

    def test_figures_and_printed_numbers_are_stored(self, source):
        for index, cell in code_cells(committed(source)):
            shows = "plt.show()" in cell.source or cell.source.startswith("print(") or "\nprint(" in cell.source
            assert cell.outputs or not shows, (
                f"{name(source)}: cell {index} shows something but stores no output: {REMEDY}"
            )

    def test_notebook_is_written_without_traces_of_a_run(self, source):
        notebook = committed(source)
        assert set(notebook.metadata) == {"course", "jupytext", "kernelspec"}, (
            f"{name(source)}: foreign metadata: {REMEDY}"
        )
        assert notebook.metadata.kernelspec == tool.KERNELSPEC, f"{name(source)}: another kernel: {REMEDY}"
        expected = read_markdown(source)
        tool.normalise(expected, source)
        assert [cell.id for cell in notebook.cells] == [cell.id for cell in expected.cells], (
            f"{name(source)}: cell ids: {REMEDY}"
        )
