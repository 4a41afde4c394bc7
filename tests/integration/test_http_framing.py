"""Where a request ends: what two parties could read in two ways is refused and ends the connection, and what
follows is never a request. Bodies by length, in chunks, and none.

libmicrohttpd 0.9.75 does not tell what stood between chunks: it takes bare LF there, and anything in an
extension. So every answer to a body in chunks ends the connection, whatever was in between."""

import pytest
from support.http_cases import OWN, check, kept, last, refused, table
from support.raw_http import BODY, Connection, chunk, chunked, fill, request

SIZE = len(BODY)
HEX = f"{SIZE:x}".encode()
END = b"0\r\n\r\n"
UNKNOWN = {"status": 501, "code": "unknown_transfer_coding"}


def coded(value, **options):
    """A body in chunks under another spelling of its coding."""
    return chunked(**options).replace(b"Transfer-Encoding: chunked", value)


def sized(value):
    return request(f"Content-Length:{value}", length=False)


def length_refused(name, value, status=400):
    # libmicrohttpd refuses it and sends the status line twice. Harmless: the connection ends.
    return refused(f"Content-Length {name}", sized(value), status, OWN, is_cut=True)


CODINGS = [
    refused("CL.TE", request("Transfer-Encoding: chunked", body=END + b"GET /smuggled HTTP/1.1\r\nX: ")),
    refused("TE.CL", chunked("Content-Length: 3")),
    refused("equal in effect", chunked(f"Content-Length: {len(chunk(BODY) + END)}", body=chunk(BODY) + END)),
    refused("length 0 and chunked", chunked("Content-Length: 0")),
    refused("TE.TE", chunked("Transfer-Encoding: identity")),
    refused("TE.TE, the same", chunked("Transfer-Encoding: chunked")),
    refused("TE.TE, other case", chunked("transfer-encoding: x")),
    refused("two lengths in one coding", chunked("Content-Length: 3", "Content-Length: 4")),
    refused("xchunked", coded(b"Transfer-Encoding: xchunked"), **UNKNOWN),
    refused("chunkedx", coded(b"Transfer-Encoding: chunkedx"), **UNKNOWN),
    refused("identity", coded(b"Transfer-Encoding: identity"), **UNKNOWN),
    refused("gzip, chunked", coded(b"Transfer-Encoding: gzip, chunked"), **UNKNOWN),
    refused("chunked, identity", coded(b"Transfer-Encoding: chunked, identity"), **UNKNOWN),
    refused("chunked, chunked", coded(b"Transfer-Encoding: chunked, chunked"), **UNKNOWN),
    refused("empty element", coded(b"Transfer-Encoding: ,chunked"), **UNKNOWN),
    refused("with a parameter", coded(b"Transfer-Encoding: chunked;a=b"), **UNKNOWN),
    refused("quoted", coded(b'Transfer-Encoding: "chunked"'), **UNKNOWN),
    refused("no coding", coded(b"Transfer-Encoding:"), **UNKNOWN),
    refused("Latin-1 blank", coded(b"Transfer-Encoding:\xa0chunked"), **UNKNOWN),
    refused("vertical tab", coded(b"Transfer-Encoding:\x0bchunked")),
    refused("CR before", coded(b"Transfer-Encoding:\rchunked")),
    refused("NUL behind", coded(b"Transfer-Encoding: chunked\0")),
    # In order by the RFC; libmicrohttpd takes it for another coding, and would read for ever.
    refused("blank behind", coded(b"Transfer-Encoding: chunked ")),
    refused("tab behind", coded(b"Transfer-Encoding: chunked\t")),
    refused("folded", coded(b"Transfer-Encoding:\r\n chunked")),
    refused("white space before the colon", coded(b"Transfer-Encoding : chunked")),
    refused("tab before the colon", coded(b"Transfer-Encoding\t: chunked")),
    refused("hidden behind a bare LF", coded(b"X: y\nTransfer-Encoding: chunked")),
    refused("hidden behind a bare CR", coded(b"X: y\rTransfer-Encoding: chunked")),
    refused("white space before the name", coded(b"X: y\r\n Transfer-Encoding: chunked")),
    refused("in HTTP/1.0", chunked(line="POST @PATH@ HTTP/1.0")),
    refused("in HTTP/1.0, kept alive", chunked("Connection: keep-alive", line="POST @PATH@ HTTP/1.0")),
    last("tab and another case", coded(b"transfer-ENCODING:\tChunKed")),
    kept("underscore is another header", request("Transfer_Encoding: chunked")),
]

LENGTHS = [
    refused("two equal", request(f"Content-Length: {SIZE}")),
    refused("two unequal", request("Content-Length: 5")),
    refused("two, other case", request("content-length: 0")),
    refused("folded length", sized(f"\r\n {SIZE}")),
    refused("length with white space before the colon", request(f"Content-Length : {SIZE}", length=False)),
    length_refused("+5", f" +{SIZE}"),
    length_refused("negative", " -1"),
    length_refused("hexadecimal", f" 0x{SIZE:x}"),
    length_refused("list", f" {SIZE}, {SIZE}"),
    length_refused("list without blank", f" {SIZE},{SIZE}"),
    length_refused("blank inside", " 4 8"),
    length_refused("fraction", f" {SIZE}.0"),
    length_refused("exponent", " 1e1"),
    length_refused("quoted", f' "{SIZE}"'),
    length_refused("Latin-1 digits", " \xb2\xb3"),
    length_refused("letters", " five"),
    length_refused("empty", ""),
    length_refused("blank", " "),
    # In order by the RFC; libmicrohttpd is stricter, and nobody sends it.
    length_refused("blank behind", f" {SIZE} "),
    length_refused("2^64", f" {2**64}", 413),
    length_refused("2^64 and the size", f" {2**64 + SIZE}", 413),
    length_refused("30 digits", f" {10**30}", 413),
    refused("above 2^63", sized(f" {2**63}"), 413, "body_too_large"),
    refused("2^64 - 1", sized(f" {2**64 - 1}")),
    refused("one byte too large", sized(f" {768 * 1024 + 1}"), 413, "body_too_large"),
    kept("leading zeros", sized(f" 000{SIZE}")),
    kept("no blank", sized(f"{SIZE}")),
    kept("tab before", sized(f"\t {SIZE}")),
    kept("no length is no body", request(length=False, body=b""), 400, "malformed_json"),
]


def between(line, content=BODY, rest=b"\r\n" + END):
    return chunked(body=line + content + rest)


CHUNKS = [
    last("in one", chunked(body=chunk(BODY) + END)),
    last("byte by byte", chunked(body=b"".join(chunk(BODY[i : i + 1]) for i in range(SIZE)) + END)),
    last("upper-case size", between(HEX.upper() + b"\r\n")),
    last("size with zeros before", between(b"000" + HEX + b"\r\n", rest=b"\r\n000\r\n\r\n")),
    last("extension", between(HEX + b";a=b\r\n")),
    last("quoted extension", between(HEX + b';a="b;c"\r\n', rest=b"\r\n0;x\r\n\r\n")),
    last("trailer", chunked(body=chunk(BODY) + b"0\r\nX: y\r\n\r\n")),
    last("trailer cannot reframe", chunked(body=chunk(BODY) + b"0\r\nContent-Length: 5\r\nHost: b\r\n\r\n")),
    # What cannot be seen here and has two readings. Harmless, because nothing behind it is a request.
    last("bare LF behind the size", between(HEX + b"\n")),
    last("bare LF behind the data", between(HEX + b"\r\n", rest=b"\n" + END)),
    last("bare LF everywhere", between(HEX + b"\n", rest=b"\n0\n\n")),
    last("bare LF in an extension", between(HEX + b";a\n")),
    last("bare CR in an extension", between(HEX + b";a\rb\r\n")),
    last("NUL in an extension", between(HEX + b";\0\r\n")),
    last("folded trailer", chunked(body=chunk(BODY) + b"0\r\nX: y\r\n z\r\n\r\n")),
    last("white space in a trailer's name", chunked(body=chunk(BODY) + b"0\r\nX : y\r\n\r\n")),
    # Refused by libmicrohttpd.
    refused("no size", between(b"\r\n"), code=OWN),
    refused("size is no number", between(b"g\r\n"), code=OWN),
    refused("size 0x", between(b"0x" + HEX + b"\r\n"), code=OWN),
    refused("size +", between(b"+" + HEX + b"\r\n"), code=OWN),
    refused("size -", between(b"-" + HEX + b"\r\n"), code=OWN),
    refused("size with underscore", between(b"3_2\r\n"), code=OWN),
    refused("blank before the size", between(b" " + HEX + b"\r\n"), code=OWN),
    refused("blank behind the size", between(HEX + b" \r\n"), code=OWN),
    refused("blank before an extension", between(HEX + b" ;a\r\n"), code=OWN),
    refused("size of 17 digits", between(b"f" * 17 + b"\r\n"), 413, OWN),
    refused("size that wraps", between(b"1" + HEX.rjust(16, b"0") + b"\r\n"), 413, OWN),
    refused("no CRLF behind the data", between(HEX + b"\r\n", rest=END), code=OWN),
    refused("bare CR behind the data", between(HEX + b"\r\n", rest=b"\r" + END), code=OWN),
    refused("more data than its size", between(b"5\r\n"), code=OWN),
    refused("the last chunk is missing", chunked(body=chunk(BODY)), code=OWN),
    refused("trailer without a colon", chunked(body=chunk(BODY) + b"0\r\nXy\r\n\r\n"), code=OWN),
    refused(
        "trailer of 30 KB", chunked(body=chunk(BODY) + b"0\r\nX: " + b"y" * 30000 + b"\r\n\r\n"), 431, OWN
    ),
    refused(
        "too large at the end", chunked(body=chunk(b" " * (768 * 1024 + 1)) + END), 413, "body_too_large"
    ),
]


@table(CODINGS)
def test_transfer_codings_have_one_reading(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(LENGTHS)
def test_lengths_have_one_reading(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


@table(CHUNKS)
def test_nothing_behind_chunks_is_a_request(case, api, run, commands):
    check(case, api.url, run, api.token, commands)


CUT_SHORT = {
    "half a request line": b"POST /v1/ru",
    "half a head": request(body=b"", length=False)[:-2],
    "half a length": request(f"Content-Length: {SIZE + 10}", length=False),
    "half a chunk": chunked(body=b"40\r\n" + BODY),
    "no last chunk": chunked(body=chunk(BODY)),
    "no end of the trailers": chunked(body=chunk(BODY) + b"0\r\n"),
}


@pytest.mark.parametrize("sent", CUT_SHORT)
def test_a_request_that_its_client_cuts_short_is_dropped(sent, api, run, commands):
    before = commands.count()
    with Connection(api.url) as connection:
        connection.send(fill(CUT_SHORT[sent], api.url, run, api.token))
        connection.end_sending()
        assert connection.is_closed()
    assert commands.count() == before


def test_a_client_that_ends_its_side_behind_a_whole_request_is_answered(api, run):
    with Connection(api.url) as connection:
        connection.send(fill(request(), api.url, run, api.token))
        connection.end_sending()
        assert connection.answer().status == 202
        assert connection.is_closed()
