from dataclasses import replace
from typing import Any

import pytest

from model.archives import SourceFile
from model.errors import NoSeriesError, SeveralPatientsError
from model.header import Header, Plane
from model.series import File, Series, chosen, grouped


def files(series: str = "1", number: int = 10, step: float = 5.0, **facts: object) -> list[File]:
    """One series, as if read."""
    header = Header("dicom", 512, 512, thickness_mm=5.0, patient="p", series=series, kernel="B30f")
    made = []
    for index in range(number):
        plane = Plane(step * index, (0.0, 0.0, 1.0))
        changes: dict[str, Any] = {"planes": (plane,), "instance": f"{series}.{index}", **facts}
        one = replace(header, **changes)
        made.append(File(SourceFile(f"{series}-{index}", bytes), "dicom", one))
    return made


def best(*series: list[File], uid: str | None = None) -> Series:
    return chosen(grouped([file for one in series for file in one])[0], uid)[0]


@pytest.mark.parametrize(
    ("kernel", "description"),
    [
        *[(kernel, "") for kernel in ("B60f", "B70s", "Br60d\\3", "Bl57d", "I70f\\2", "LUNG", "BONEPLUS")],
        *[(kernel, "") for kernel in ("EDGE", "FC51", "YA", "L", "LungA")],
        ("", "Lunge 1.0"),
        ("SB", "Lung 1.5"),
    ],
)
def test_a_lung_kernel_or_description_is_preferred(kernel: str, description: str) -> None:
    assert best(files("1", 20), files("2", 12, kernel=kernel, description=description)).uid == "2"


@pytest.mark.parametrize("kernel", ["B30f", "STANDARD", "SOFT", "FC18", "Br40d", "I31f", "B"])
def test_other_kernels_are_not(kernel: str) -> None:
    assert best(files("1", 20), files("2", kernel=kernel)).uid == "1"


def test_then_thin_slices_and_then_many() -> None:
    assert best(files("1", 20), files("2", step=9.0, thickness_mm=1.5)).uid == "2"
    assert best(files("1"), files("2", 12, step=4.0)).uid == "2"


def test_a_series_of_a_few_slices_is_not_chosen_for_its_kernel() -> None:
    assert best(files("1"), files("2", 2, kernel="B60f")).uid == "1"


def test_the_request_has_the_last_word() -> None:
    assert best(files("1"), files("2", kernel="B60f"), uid="1").uid == "1"
    with pytest.raises(NoSeriesError):
        best(files("1"), uid="3")


def test_slices_are_sorted_by_their_place_and_gaps_are_counted() -> None:
    shuffled = [files()[index] for index in (7, 2, 9, 0, 1, 4, 8)]
    series = best(shuffled)
    assert [frame.plane.position_mm for frame in series.frames if frame.plane] == [0, 5, 10, 20, 35, 40, 45]
    assert (series.spacing_mm, series.gaps, series.extent_mm) == (5.0, 2, 45.0)


def test_a_series_of_refused_files_is_set_aside_with_the_reason() -> None:
    series, set_aside = grouped([*files("1"), *files("2", 3, planes=(), refusal=("unsupported_type", "An MR."))])
    assert [one.uid for one in series] == ["1"]
    assert [(note.what, note.reason) for note in set_aside] == [("2-0 (3 files)", "An MR.")]


def test_two_patients_are_refused_even_where_one_has_nothing_to_classify() -> None:
    other = files("2", 1, patient="q", planes=(), refusal=("unsupported_type", "An MR."))
    with pytest.raises(SeveralPatientsError, match="2 patients"):
        grouped([*files("1"), *other])
