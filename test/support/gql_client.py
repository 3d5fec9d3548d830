"""A client by the Python package gql: one query over HTTP, then a subscription that resumes whenever it is cut.

Prints a JSON object a line: {"viewer": ...}, {"connected": <after>}, {"event": ...}. Ends when it is killed.
"""

import asyncio
import json
import os

from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import WebSocketException

URL = os.environ["URL"]
AUTHORIZATION = f"Bearer {os.environ['TOKEN']}"
FILTER = json.loads(os.environ["FILTER"])

VIEWER = "query { viewer { role user { email } } }"
EVENTS = """
subscription ($filter: EventFilter, $after: String) {
  eventEnriched(filter: $filter, after: $after) { cursor id eventName }
}
"""


def say(**what):
    print(json.dumps(what), flush=True)


async def query():
    transport = HTTPXAsyncTransport(url=URL, headers={"Authorization": AUTHORIZATION}, timeout=20)
    # The document is checked against the schema that the server tells.
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        say(**await session.execute(gql(VIEWER)))


async def subscribe(after):
    """Yields cursors until the connection is gone."""
    transport = WebsocketsTransport(
        url=URL.replace("http", "ws", 1),
        init_payload={"authorization": AUTHORIZATION},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=transport, fetch_schema_from_transport=False) as session:
        document = gql(EVENTS)
        document.variable_values = {"filter": FILTER, "after": after}
        say(connected=after)
        async for result in session.subscribe(document):
            say(event=result["eventEnriched"])
            yield result["eventEnriched"]["cursor"]


async def main():
    await query()
    after = None
    while True:
        try:
            async for after in subscribe(after):
                pass
        except (TransportError, WebSocketException, OSError):
            pass
        await asyncio.sleep(0.1)


asyncio.run(main())
