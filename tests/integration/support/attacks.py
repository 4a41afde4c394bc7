"""Tokens that must not be accepted (RFC 8725), made by hand. Each group yields names and tokens."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from support.issuer import ec_key, jwk, rsa_key

SECRET = b"a secret that is long enough for HS256"
RSA, EC, STRANGER = rsa_key(), ec_key(), rsa_key()
FAR = 2**53


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(part):
    """A header or claims: an object, or JSON as it is to be."""
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def mac(signed, secret=SECRET):
    return hmac.digest(secret, signed, hashlib.sha256)


def ecdsa_der(signed):
    return EC.sign(signed, ec.ECDSA(hashes.SHA256()))


def ecdsa(signed):
    return b"".join(n.to_bytes(32, "big") for n in utils.decode_dss_signature(ecdsa_der(signed)))


def rsa_pkcs1(signed, key=RSA):
    return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def pem(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


class Forge:
    """Tokens that are good but for what a case changes."""

    def __init__(self, env, listener):
        self.claims = {
            "iss": env["JWT_ISSUER"],
            "aud": env["JWT_AUDIENCE"],
            "sub": "ann",
            "account_id": env["ACCOUNT_ID"],
            "exp": int(time.time()) + 3600,
        }
        self.audience = env["JWT_AUDIENCE"]
        self.listener = listener

    def make(self, header=None, claims=None, sign=mac):
        """`header` and `claims`: changes, or the whole as bytes."""
        kid = {mac: ("HS256", "h"), ecdsa: ("ES256", "e"), rsa_pkcs1: ("RS256", "r")}.get(
            sign, ("HS256", "h")
        )
        if not isinstance(header, bytes):
            header = {"alg": kid[0], "kid": kid[1], "typ": "JWT"} | (header or {})
            header = {name: value for name, value in header.items() if value is not ...}
        if not isinstance(claims, bytes):
            claims = self.claims | (claims or {})
            claims = {name: value for name, value in claims.items() if value is not ...}
        signed = f"{b64(text(header))}.{b64(text(claims))}".encode()
        return f"{signed.decode()}.{b64(sign(signed))}"

    def raw_claims(self, **members):
        """Claims whose members have values that are JSON texts."""
        known = {name: json.dumps(value) for name, value in self.claims.items()} | members
        return ("{" + ",".join(f'"{name}":{value}' for name, value in known.items()) + "}").encode()


# ---- what is good: so that each case fails for what it is about ----


def good(f):
    yield "HS256", f.make()
    yield "RS256", f.make(sign=rsa_pkcs1)
    yield "ES256", f.make(sign=ecdsa)
    yield "the audience in an array", f.make(claims={"aud": ["other", f.audience, "more"]})
    yield "times with fractions", f.make(claims=f.raw_claims(nbf="0.5", iat="1e3", exp=f"{FAR}.0"))
    yield "HS256 of an access token", f.make({"typ": "at+jwt"})
    yield "RS256 of an access token", f.make({"typ": "at+jwt"}, sign=rsa_pkcs1)
    yield "ES256 of an access token", f.make({"typ": "application/at+jwt"}, sign=ecdsa)
    yield "255 characters", f.make(claims={"sub": "ü" * 255})
    yield (
        "keys of its own, which nobody looks at",
        f.make({"jwk": jwk(STRANGER, "r"), "jku": f.listener, "x5u": f.listener, "x5c": ["AA=="]}),
    )


# ---- the algorithm ----


def algorithms(f):
    for name in ("none", "None", "NONE", "nOnE", "", "none ", "null"):
        for kid in ("h", "r", "e"):
            yield f"alg {name!r} of {kid}, unsigned", f.make({"alg": name, "kid": kid}, sign=lambda _: b"")
            yield f"alg {name!r} of {kid}, signed", f.make({"alg": name, "kid": kid}, sign=mac)
    unsigned = f.make({"alg": "none"}, sign=lambda _: b"").rstrip(".")
    yield "alg none in two parts", unsigned
    for value in (None, ["HS256"], {"alg": "HS256"}, 256, True, ...):
        yield f"alg {value}", f.make({"alg": value})
    for name in ("hs256", "HS384", "HS512", "HS256\0", "HS256 ", "RS256", "ES256", "PS256", "dir", "A128KW"):
        yield f"alg {name!r} for a secret", f.make({"alg": name})
    for name, key in (("r", RSA), ("e", EC)):
        public = pem(key)
        for secret in (public, public.rstrip(), public.replace(b"\n", b"\r\n")):
            yield (
                f"the public key of {name} as a secret",
                f.make({"kid": name}, sign=lambda signed, s=secret: mac(signed, s)),
            )
            yield (
                f"the public key of {name} as the secret of h",
                f.make(sign=lambda signed, s=secret: mac(signed, s)),
            )
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    yield "the public key in DER as a secret", f.make({"kid": "r"}, sign=lambda signed: mac(signed, der))
    yield "the empty secret", f.make(sign=lambda signed: mac(signed, b""))
    yield "RS256 for the EC key", f.make({"kid": "e"}, sign=rsa_pkcs1)
    yield "ES256 for the RSA key", f.make({"kid": "r"}, sign=ecdsa)


# ---- keys ----


def keys(f):
    for kid in (
        "../../../../dev/null",
        "/dev/null",
        "/etc/hostname",
        "file:///dev/null",
        "h\0",
        "h\0r",
        " h",
        "h ",
        "H",
        "",
        "h' OR '1'='1",
        "h'; DROP TABLE run;--",
        "$(touch /tmp/x)",
        "%s%s%n",
        "\uff48",  # h, full width
        "h\u200b",
        "\U0001f511" * 60,
        "k" * 5000,
        *("__proto__", "*", "0"),
    ):
        yield f"kid {kid[:30]!r}", f.make({"kid": kid})
        yield (
            f"kid {kid[:30]!r} with an empty secret",
            f.make({"kid": kid}, sign=lambda signed: mac(signed, b"")),
        )
    for kid in (None, ["h"], {"h": 1}, 1, True, ...):
        yield f"kid {kid}", f.make({"kid": kid})

    def strangers(signed):
        return rsa_pkcs1(signed, STRANGER)

    own = {"alg": "RS256", "kid": "r"}
    yield "another's signature", f.make(own, sign=strangers)
    yield "jwk", f.make(own | {"jwk": jwk(STRANGER, "r")}, sign=strangers)
    yield "jwk of an unknown kid", f.make(own | {"kid": "x", "jwk": jwk(STRANGER, "x")}, sign=strangers)
    yield "jwk with a secret", f.make({"jwk": jwk(b"x" * 32, "h")}, sign=lambda s: mac(s, b"x" * 32))
    yield "jku", f.make(own | {"jku": f.listener}, sign=strangers)
    yield "jku of an unknown kid", f.make(own | {"kid": "x", "jku": f.listener}, sign=strangers)
    yield "x5u", f.make(own | {"x5u": f.listener}, sign=strangers)
    yield "x5c", f.make(own | {"x5c": [base64.b64encode(b"x" * 100).decode()]}, sign=strangers)
    yield "iss of another place", f.make(own, {"iss": f.listener}, sign=strangers)


# ---- the header and the form ----


def headers(f):
    yield "crit", f.make({"crit": ["exp"], "exp": 1})
    yield "an empty crit", f.make({"crit": []})
    yield "b64", f.make({"b64": True})
    yield "b64 false and crit", f.make({"b64": False, "crit": ["b64"]})
    yield "typ of a JWE", f.make({"typ": "JWE"})
    yield "typ of another token", f.make({"typ": "dpop+jwt"})
    yield "alg twice", f.make(b'{"alg":"none","kid":"h","alg":"HS256"}')
    yield "kid twice", f.make(b'{"alg":"HS256","kid":"x","kid":"h"}')
    yield "kid twice, once escaped", f.make(b'{"alg":"HS256","kid":"x","\\u006bid":"h"}')
    yield "anything twice", f.make(b'{"alg":"HS256","kid":"h","x":{"y":1,"y":1}}')
    yield "no object", f.make(b'["alg","HS256"]')
    yield "two texts", f.make(b'{"alg":"HS256","kid":"h"}{}')
    yield "a byte order mark", f.make(b'\xef\xbb\xbf{"alg":"HS256","kid":"h"}')
    yield "no UTF-8", f.make(b'{"alg":"HS256","kid":"h","x":"\xff"}')
    yield "NUL behind it", f.make(b'{"alg":"HS256","kid":"h"}\0')
    yield "very deep", f.make(b'{"alg":"HS256","kid":"h","x":' + b"[" * 500 + b"]" * 500 + b"}")


def forms(f):
    token = f.make()
    header, claims, seal = token.split(".")
    for name, bad in {
        "no dots": header + claims + seal,
        "one dot": f"{header}.{claims}{seal}",
        "two parts": f"{header}.{claims}",
        "four parts": f"{token}.{seal}",
        "a JWE's five parts": f"{header}.{claims}.{seal}.{seal}.{seal}",
        "no signature": f"{header}.{claims}.",
        "no claims": f"{header}..{seal}",
        "no header": f".{claims}.{seal}",
        "only dots": "..",
        "nothing": "",
        "JSON serialisation": json.dumps({"payload": claims, "protected": header, "signature": seal}),
        "general JSON serialisation": json.dumps(
            {"payload": claims, "signatures": [{"protected": header, "signature": seal}]}
        ),
        "a comma": f"{token},{token}",
        "a second token": f"{token} {token}",
        "quotes": f'"{token}"',
        "a parameter": f"token={token}",
        "a blank inside": f"{header}. {claims}.{seal}",
        "a tab behind": f"{header}.{claims}\t.{seal}",
        "padding": f"{header}==.{claims}.{seal}",
        "padding of the signature": f"{token}=",
        "percent": token.replace(".", "%2E"),
        "cut": token[:-1],
        "one more": token + "A",
        "another alphabet": f"{header}.{claims}.{seal[:-4]}+/+/",
        "signature of zeros": f"{header}.{claims}.{b64(bytes(32))}",
        "cut signature": f"{header}.{claims}.{b64(mac(f'{header}.{claims}'.encode())[:16])}",
        "claims changed": f"{header}.{b64(text(f.claims | {'sub': 'eve'}))}.{seal}",
        "two more bits": f"{header}.{claims}.{seal[:-1]}{unused_bits(seal[-1])}",
        "too long": f.make(claims={"x": "a" * 8192}),
        "much too long": f.make(claims={"x": "a" * 10000}),
    }.items():
        yield name, bad
    # The standard alphabet and padding, signed as they are sent.
    spelled = base64.b64encode(text(f.claims | {"x": "\u00fb\u00ff??>>"})).decode()
    signed = f"{header}.{spelled}"
    yield "base64 instead of base64url", f"{signed}.{b64(mac(signed.encode()))}"
    loose = f"{header}.{claims[:-1]}{unused_bits(claims[-1])}" if len(claims) % 4 else None
    if loose:
        yield "unused bits of the claims, signed", f"{loose}.{b64(mac(loose.encode()))}"
    for bad in (f"{header}=.{claims}", f"{header}\n.{claims}".replace("\n", "%0A"), f"{header} .{claims}"):
        yield "white space or padding, signed", f"{bad}.{b64(mac(bad.encode()))}"


def unused_bits(last):
    """The next letter: it differs in a bit that no byte has."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return letters[letters.index(last) ^ 1]


def signatures(f):
    """CVE-2022-21449 and its neighbours."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    own = {"alg": "ES256", "kid": "e"}

    for r, s in ((0, 0), (0, 1), (1, 0), (order, order), (order, 1), (1, order), (order - 1, 0), (1, 1)):
        pair = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        yield f"r = {r}, s = {s}", f.make(own, sign=lambda _, pair=pair: pair)
    yield "ES256 in DER", f.make(own, sign=ecdsa_der)
    yield "ES256, 63 bytes", f.make(own, sign=lambda signed: ecdsa(signed)[:-1])
    yield "ES256, 65 bytes", f.make(own, sign=lambda signed: ecdsa(signed) + b"\0")
    yield "ES256, 128 bytes", f.make(own, sign=lambda signed: ecdsa(signed) * 2)
    yield "ES256, the halves swapped", f.make(own, sign=lambda s: (lambda x: x[32:] + x[:32])(ecdsa(s)))
    yield "ES256, the empty one", f.make(own, sign=lambda _: b"")
    own = {"alg": "RS256", "kid": "r"}
    yield "RS256, zeros", f.make(own, sign=lambda _: bytes(256))
    yield "RS256, one", f.make(own, sign=lambda _: bytes(255) + b"\1")
    yield "RS256, 257 bytes", f.make(own, sign=lambda signed: b"\0" + rsa_pkcs1(signed))
    yield "RS256, 255 bytes", f.make(own, sign=lambda signed: rsa_pkcs1(signed)[:-1])
    yield "RS256 with SHA-1", f.make(own, sign=lambda s: RSA.sign(s, padding.PKCS1v15(), hashes.SHA1()))
    yield (
        "RS256 with PSS",
        f.make(
            own, sign=lambda s: RSA.sign(s, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        ),
    )


# ---- the claims ----


def times(f):
    now = int(time.time())
    bad = [
        *('"1"', f'"{now + 60}"', "null", "true", "false", "[]", f"[{now + 60}]", "{}", "-1", "-0"),
        *("-1e300", str(FAR + 1), f"{FAR + 1}.0", "9.007199254740993e15", "1e16", "1e400", "1e308"),
        *("18446744073709551617", "18446744073709551616", f"{now + 60}e10", '""', "NaN", "Infinity"),
    ]
    for name in ("exp", "nbf", "iat"):
        for value in bad:
            yield f"{name}: {value}", f.make(claims=f.raw_claims(**{name: value}))
    for value in ("1e-1", "0", "0.9", "1", f"{now - 31}", f"{now - 31}.999", "1e9"):
        yield f"exp in the past: {value}", f.make(claims=f.raw_claims(exp=value))
    for name in ("nbf", "iat"):
        for value in (str(now + 3600), str(FAR), "9e15"):
            yield f"{name} in the future: {value}", f.make(claims=f.raw_claims(**{name: value}))
    yield "no exp", f.make(claims={"exp": ...})
    yield "exp twice", f.make(claims=f.raw_claims().replace(b"{", b'{"exp":1,', 1))
    yield "exp twice, once escaped", f.make(claims=f.raw_claims().replace(b"{", b'{"\\u0065xp":1,', 1))
    yield "Exp", f.make(claims={"exp": ..., "Exp": now + 60})


def principals(f):
    for name in ("sub", "account_id"):
        for value in (
            *(..., None, "", 1, True, ["ann"], {"name": "ann"}, "a" * 256, "\U0001f3f7" * 256, "a\0", "\0"),
            *("a\nb", "a\x7f", "\x85", "\x1b[31m", "\ud800"),
        ):
            yield f"{name}: {value!r:.40}", f.make(claims={name: value})
        yield f"{name} twice", f.make(claims=f.raw_claims().replace(b"{", f'{{"{name}":"eve",'.encode(), 1))


def parties(f):
    for value in (..., None, "", "other", f.audience + " ", f.audience.upper(), 1, True, {f.audience: 1}):
        yield f"aud: {value!r}", f.make(claims={"aud": value})
    for value in ([], ["other"], [[f.audience]], [f.audience, 1], [None, f.audience], [{}, f.audience], [""]):
        yield f"aud: {value!r}", f.make(claims={"aud": value})
    yield "aud twice", f.make(claims=f.raw_claims().replace(b"{", b'{"aud":"other",', 1))
    iss = f.claims["iss"]
    for value in (..., None, "", "other", iss + "/", iss.upper(), iss + "\0", [iss], {"iss": iss}, 1, True):
        yield f"iss: {value!r}", f.make(claims={"iss": value})
    yield "iss twice", f.make(claims=f.raw_claims().replace(b"{", b'{"iss":"other",', 1))
    for claims in (b"[]", b'"claims"', b"null", b"{}", b"", b"{", b"{}{}", b"\xff", b"{'sub':'ann'}"):
        yield f"claims {claims!r}", f.make(claims=claims)
    yield "claims and more", f.make(claims=f.raw_claims() + b" x")
    yield "anything twice", f.make(claims=f.raw_claims(x='{"y":1,"y":2}'))
    yield "very deep claims", f.make(claims=f.raw_claims(x="[" * 500 + "]" * 500))


GROUPS = [algorithms, keys, headers, forms, signatures, times, principals, parties]
