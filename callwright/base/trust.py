"""Whose certificates a client of ours believes."""

import ssl


def trusting(authority: str) -> ssl.SSLContext:
    """For a client of a peer that has an authority of its own: certificates in PEM, and no others are believed.

    The same in every Python: from 3.13 on it would by itself refuse an authority that does not say what its key is for
    (RFC 5280, 4.2.1.3), as those made by hand rarely do. Raises `ssl.SSLError` or `ValueError` where it cannot be read.
    """
    if not authority.strip():
        # With nothing to believe, it would believe what this machine does.
        raise ValueError("it is empty")
    # Names beside the certificates may be in any script.
    context = ssl.create_default_context(cadata=authority.encode("ascii", "replace").decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
