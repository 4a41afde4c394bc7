"""Bearer tokens as another service would sign them, with PyJWT."""

import time
from pathlib import Path

import jwt


class Tokens:
    def __init__(self, env):
        self.env = env
        self.key = Path(env["JWT_KEY_FILE"]).read_bytes()

    def sign(self, audience, account=None, subject="ann", key=None, algorithm="HS256", kid=None, **claims):
        """A claim that is None is left out."""
        body = {
            "iss": self.env["JWT_ISSUER"],
            "aud": audience,
            "sub": subject,
            "account_id": account or self.env["ACCOUNT_ID"],
            "exp": int(time.time()) + 600,
        } | claims
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, key or self.key, algorithm, headers={"kid": kid or self.env["JWT_KEY_ID"]})

    def user(self, account=None, **claims):
        """For HTTP."""
        return self.sign(self.env["JWT_AUDIENCE"], account, **claims)

    def worker(self, account=None, **claims):
        """For a command on Kafka."""
        return self.sign(self.env["WORKER_AUDIENCE"], account, **claims)
