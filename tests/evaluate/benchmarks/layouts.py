"""Every benchmark with the function that writes its files below a folder, in exactly the layout its reader reads.

``ESCAPES`` and ``DANGLING`` say which piece of which file to change so that a name leads out of the root, or an id
names nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.evaluate.benchmarks.caption_layouts import (
    babel_imagenet,
    eccv,
    feta,
    fine_grained,
    inquire_fullrank,
    inquire_rerank,
    karpathy,
    mrmr,
    qilin,
    wit,
    xflickrco,
    xm3600,
    xtd,
)
from tests.evaluate.benchmarks.query_layouts import (
    aro,
    chatir,
    circo,
    cirr,
    croqs,
    fashioniq,
    itcpr,
    reircoco,
    sorce,
    sugarcrepe,
    winoground,
)

LAYOUTS: dict[str, Callable[[Path], None]] = {
    "coco-5k": karpathy("dataset_coco.json", "val2014", "val2014"),
    "coco-1k": karpathy("dataset_coco.json", "val2014", "val2014"),
    "flickr8k": karpathy("dataset_flickr8k.json", "Flicker8k_Dataset"),
    "flickr30k": karpathy("dataset_flickr30k.json", "flickr30k-images"),
    "mscoco-fg": fine_grained("MSCOCO_FG"),
    "flickr30k-fg": fine_grained("Flickr30K_FG"),
    "eccv-caption": eccv,
    "wit": wit,
    "xtd": xtd,
    "xflickrco": xflickrco,
    "xm3600": xm3600,
    "babel-imagenet": babel_imagenet,
    "inquire-fullrank": inquire_fullrank,
    "inquire-rerank": inquire_rerank,
    "mrmr": mrmr,
    "qilin": qilin,
    "cirr": cirr,
    "fashioniq": fashioniq,
    "circo": circo,
    "itcpr": itcpr,
    "sugarcrepe": sugarcrepe,
    "winoground": winoground,
    "aro": aro,
    "croqs": croqs,
    "sorce-1k": sorce,
    "reircoco": reircoco,
    "visdial-chatir": chatir,
    "feta-car-manuals": feta("car_manuals_data"),
    "feta-ikea": feta("ikea_data"),
    "rsicd": karpathy("dataset_rsicd.json", "RSICD_images"),
    "rsitmd": karpathy("dataset_RSITMD.json", "images"),
}

# name: (file, what stands there, what is put instead)
Edit = tuple[str, str, str]

ESCAPES: dict[str, Edit] = {
    "coco-5k": ("dataset_coco.json", '"red0.jpg"', '"../../red0.jpg"'),
    "coco-1k": ("dataset_coco.json", '"red0.jpg"', '"/etc/red0.jpg"'),
    "flickr8k": ("dataset_flickr8k.json", '"red0.jpg"', '"../../red0.jpg"'),
    "flickr30k": ("dataset_flickr30k.json", '"red0.jpg"', '"../../red0.jpg"'),
    "wit": ("images.tsv", "one.jpg", "../../one.jpg"),
    "xtd": ("XTD10/test_image_names.txt", "COCO_train2014_1.jpg", "../../x.jpg"),
    "xflickrco": ("annotations/de/test.jsonl", '"a.jpg"', '"../../a.jpg"'),
    "xm3600": ("captions.jsonl", '"k1"', '"../../k1"'),
    "eccv-caption": ("annotations/captions_val2014.json", '"p1.jpg"', '"../../p1.jpg"'),
    "inquire-fullrank": ("inat24/train.json", '"train/c1/a.jpg"', '"../../a.jpg"'),
    "cirr": ("image_splits/split.rc2.val.json", '"./dev/dev-1.png"', '"../../../dev-1.png"'),
    "fashioniq": ("image_splits/split.dress.val.json", '"B"', '"../../B"'),
    "circo": ("COCO2017_unlabeled/annotations/image_info_unlabeled2017.json", '"000000000000.jpg"', '"../../../x.jpg"'),
    "itcpr": ("gallery.json", '"Celeb-reID/001/g2.jpg"', '"../g2.jpg"'),
    "sugarcrepe": ("data/swap_obj.json", '"p1.jpg"', '"../../p1.jpg"'),
    "winoground": ("examples.jsonl", '"ex_0_img_0"', '"../../ex_0_img_0"'),
    "aro": ("visual_genome_relation.json", '"v.jpg"', '"../../v.jpg"'),
    "sorce-1k": ("dataset.jsonl", '"a.jpg"', '"../../a.jpg"'),
    "reircoco": ("reircoco_val.json", '"b.jpg"', '"../../b.jpg"'),
    "visdial-chatir": ("ChatIR_Protocol/Search_Space_val_50k.json", '"unlabeled2017/05.jpg"', '"../05.jpg"'),
    "feta-car-manuals": ("car_manuals_data/car_manuals_data.json", '"doc/p1.jpg"', '"../../../../p1.jpg"'),
    "feta-ikea": ("ikea_data/ikea_data.json", '"doc/p1.jpg"', '"../../../../p1.jpg"'),
    "rsicd": ("dataset_rsicd.json", '"red0.jpg"', '"../../red0.jpg"'),
    "rsitmd": ("dataset_RSITMD.json", '"red0.jpg"', '"../../red0.jpg"'),
}
DANGLING: dict[str, Edit] = {
    "eccv-caption": ("eccv_caption/data/eccv_caption_to_image.json", "[1, 3]", "[1, 77]"),
    "mscoco-fg": ("Annotations/MSCOCO_FG_ann.json", '"b"', '"not in the pool"'),
    "flickr30k-fg": ("Annotations/Flickr30K_FG_ann.json", '"b"', '"not in the pool"'),
    "xtd": ("MIC/test_1kcaptions_de.txt", "ein green Ding\n", ""),
    "babel-imagenet": ("babel_imagenet.json", "[0, 2]", "[0, 1000]"),
    "inquire-fullrank": ("inquire/inquire_annotations.csv", "train/c1/b.jpg", "train/c1/nowhere.jpg"),
    "cirr": ("captions/cap.rc2.val.json", '"target_hard": "dev-2"', '"target_hard": "dev-99"'),
    "fashioniq": ("captions/cap.shirt.val.json", '"C"', '"nobody"'),
    "circo": ("annotations/val.json", "[1, 2]", "[1, 99]"),
    "reircoco": ("reircoco_val.json", '"image_id": 3', '"image_id": 33'),
    "visdial-chatir": ("dialogues/VisDial_v1.0_queries_val.json", "unlabeled2017/00.jpg", "unlabeled2017/zz.jpg"),
}
