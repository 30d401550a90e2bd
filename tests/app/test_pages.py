import io
import re

from flask.testing import FlaskClient

from tests.pictures import NOT_A_PICTURE, slice_file


def test_the_page_says_what_it_is_for_and_what_it_is_not(client: FlaskClient) -> None:
    page = client.get("/").text
    assert '<form id="upload" method="post" enctype="multipart/form-data" action="/">' in page
    assert "Research use only. Not a medical device" in page


def test_without_javascript_the_form_gives_the_apis_numbers(client: FlaskClient) -> None:
    page = client.post("/", data={"file": (io.BytesIO(slice_file()), "a.png")})
    assert page.status_code == 200
    answer = client.post("/predict", data=slice_file(), content_type="image/png").get_json()["predictions"][0]
    shown = re.findall(r"<output>([\d.]+) %</output>", page.text.partition('id="reader"')[0])
    assert shown == [f"{100 * p:.1f}" for p in answer["probabilities"].values()]
    titles = {"noncovid": "Non-COVID", "covid": "COVID-19", "cap": "Common pneumonia"}
    assert answer["label"] or answer["abstained"]
    said = titles[answer["label"]] if answer["label"] else "No answer"
    assert f'<p class="state" role="status">{said}' in page.text


def test_a_refused_file_is_shown_with_its_reason_beside_the_good(client: FlaskClient) -> None:
    files = [(io.BytesIO(NOT_A_PICTURE), "<b>.txt"), (io.BytesIO(slice_file()), "a.png")]
    page = client.post("/", data={"file": files}).text
    assert "&lt;b&gt;.txt" in page
    assert "The content is not a picture of a known kind" in page
    assert page.index("known kind") < page.index("a.png")


def test_a_form_without_a_file_says_so_on_the_page(client: FlaskClient) -> None:
    response = client.post("/", data={})
    assert response.status_code == 400
    assert response.mimetype == "text/html"
    assert "There is no picture in the request" in response.text


def test_the_api_browser_comes_from_this_server(client: FlaskClient) -> None:
    page = client.get("/docs/try").text
    for address in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert address.startswith("/")
        with client.get(address) as response:
            assert response.status_code == 200


def test_the_page_of_the_api_lists_its_calls_and_the_browser_runs_only_what_is_listed(client: FlaskClient) -> None:
    assert "POST /predict" in client.get("/docs").text
    assert "Swagger UI" in client.get("/libraries").text


def test_the_card_is_a_page_for_a_browser_and_json_for_a_program(client: FlaskClient) -> None:
    page = client.get("/model", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.mimetype == "text/html"
    assert "<h2>Known failures and limits</h2>" in page.text
    assert "not a screening test" in page.text
    assert client.get("/model").mimetype == "application/json"
    assert "Accept" in page.headers["Vary"]
