"""All five stages as one JSON file."""

from __future__ import annotations

import json

from components.payload import unpack


def as_json(payload: bytes) -> bytes:
    """Every number of the picture, UTF-8, one object; `payload` as `picture.build` makes it."""
    header, arrays = unpack(payload)
    look, topics = header["attention"], header["topics"]
    whole = {
        "text": header["text"],
        "model": header["model"],
        "notes": header["notes"],
        "tokens": {"count": header["tokens"]["total"],
                   "shown": [{"id": chip["id"], "text": chip["text"]} for chip in header["tokens"]["chips"]]},
        "attention": {
            "layer": look["layer"], "head": look["head"], "first_token": look["start"], "tokens": look["words"],
            "weights": [[round(float(cell), 5) for cell in row] for row in arrays["weights"]],
        },
        "sampling": {"next": header["sampling"]["top"], "others": header["sampling"]["others"],
                     "probability_of_others": header["sampling"]["rest"]},
        "search": {"passages": header["search"]["count"],
                   "nearest": [{key: hit[key] for key in ("id", "title", "cosine")}
                               for hit in header["search"]["hits"]]},
        "topics": {
            "documents": topics["count"],
            "topic": topics["names"][topics["topic"]] if topics["topic"] >= 0 else None,
            "share": topics["share"], "place": topics["place"],
            "nearest": [{"document": one, "cosine": cosine}
                        for one, cosine in zip(topics["neighbours"], topics["cosines"], strict=True)],
        },
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8")
