"""InfluxDB: what is asked, and what annotated CSV means."""

import json
import math

import pytest

from davy.analysis.answer import Answered, NotAnswered
from davy.metrics import documents, influxdb
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import TOKEN, a_metric, answer

ADDRESS = "http://influx:8086/api/v2/query"
HEAD = (
    "#group,false,false,true,false\r\n"
    "#datatype,string,long,string,{kind}\r\n"
    "#default,_result,,,{default}\r\n"
    ",result,table,host,_value\r\n"
)


def read(*tables: str) -> Answered:
    """Of tables, apart by blank lines."""
    return influxdb.read("\r\n".join(tables).encode(), ADDRESS)


def a_table(*cells: str, kind: str = "double", default: str = "") -> str:
    """One record a cell."""
    rows = "".join(f',,0,"a,b",{cell}\r\n' for cell in cells)
    return HEAD.format(kind=kind, default=default) + rows


async def test_what_is_sent() -> None:
    """Flux as JSON, the organisation in the query, the token in its header alone."""
    with serving() as server:
        server.body = b"\r\n"
        await answer("influxdb", server, a_metric("influxdb", query="buckets()"))
    (sent,) = server.asked
    assert (sent["method"], sent["path"], sent["org"]) == ("POST", "/api/v2/query", "shop")
    assert sent["authorization"] == f"Token {TOKEN}"
    assert sent["content-type"] == "application/json"
    body = json.loads(sent["body"])
    assert (body["type"], body["query"]) == ("flux", "buckets()")
    assert "datatype" in body["dialect"]["annotations"]


def test_values_of_all_tables_in_their_order() -> None:
    """As in Argo, whatever the tables are."""
    assert read(a_table("1.5", "2"), a_table("3", kind="long")) == Answered([1.5, 2.0, 3.0])


def test_other_types() -> None:
    """Truths and texts are what they are."""
    assert read(a_table("true", "false", kind="boolean")) == Answered([True, False])
    assert read(a_table("up", kind="string")) == Answered(["up"])


def test_a_null_is_no_number() -> None:
    """I7: the mean of an empty window is null; a comparison with NaN decides nothing."""
    found = read(a_table("", "1"))
    assert isinstance(found.value, list)
    assert isinstance(found.value[0], float)
    assert math.isnan(found.value[0])
    assert found.value[1] == 1.0


def test_an_empty_cell_has_the_default() -> None:
    """That its column declares."""
    assert read(a_table("", "1", default="0.5")) == Answered([0.5, 1.0])


def test_infinities() -> None:
    """As InfluxDB writes them; the judge knows what to make of them."""
    assert read(a_table("+Inf", "-Inf")) == Answered([math.inf, -math.inf])


def test_a_table_without_rows_is_no_data() -> None:
    """As is no table at all."""
    assert read(a_table()) == Answered([])
    assert read("") == Answered([])


async def test_an_error_in_the_middle_of_an_answer() -> None:
    """It comes with status 200, after what was there before: none of it is judged."""
    error = "#datatype,string,string\r\n#default,,\r\nerror,reference\r\nout of memory,897\r\n"
    with serving() as server:
        server.body = (a_table("1") + "\r\n" + error).encode()
        found = await answer("influxdb", server)
    assert isinstance(found, NotAnswered)
    assert str(found).endswith("/api/v2/query refused the query: out of memory")


def test_a_table_without_values() -> None:
    """The sentence names the column."""
    head = HEAD.format(kind="double", default="").replace("_value", "mean")
    with pytest.raises(documents.Unreadable, match="without the column _value"):
        read(head + ",,0,a,1\r\n")


@pytest.mark.parametrize(
    "text",
    [
        a_table("five"),
        a_table("1_0"),
        a_table("1,2"),
        a_table('"1'),
        "a,_value\r\n,1\r\n",
        a_table("1").replace("#datatype", "#type"),
    ],
)
def test_what_isnt_annotated_csv(text: str) -> None:
    """Nothing is guessed, and nothing of it judged."""
    with pytest.raises(documents.Unreadable, match="isn't annotated CSV"):
        read(text)


def test_more_records_than_are_read() -> None:
    """The sentence says how to ask for fewer."""
    with pytest.raises(documents.Unreadable, match="let the query aggregate them"):
        read(a_table(*["1"] * 10_001))
