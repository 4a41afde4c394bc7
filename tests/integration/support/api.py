"""The HTTP interface, seen by requests."""

import json

import requests

MEMBERS = (  # of a RunGoldLabel, and columns of gold_label
    "id",
    "account_id",
    "run_id",
    "output_resource_name",
    "text_value",
    "object_value",
    "object_value_is_partial",
    "created_by",
    "created_at",
    "updated_by",
    "updated_at",
)
TEXT = {"output_resource_name": "summary", "text_value": "good"}


class Api:
    def __init__(self, url, token):
        self.url = url
        self.token = token
        self.session = requests.Session()

    def post(self, run, body=None, token=..., **headers):
        """`body`: bytes, or what becomes JSON. `token`: None for none. Headers' dashes are underscores."""
        token = self.token if token is ... else token
        sent = {"Content-Type": "application/json"}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(TEXT if body is None else body).encode()
        return self.session.post(
            f"{self.url}/v1/run/{run}/gold-labels",
            data=content,
            headers={name: value for name, value in sent.items() if value is not None},
            timeout=40,
        )


def status(ingress, run, token):
    """Over a connection of its own."""
    return Api(ingress.url, token).post(run).status_code
