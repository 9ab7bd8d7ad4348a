"""Live curves in Chromium: one element whose picture is replaced in place."""

import base64

from course_lib.widgets import LiveCurves

HOST = """
async ([code, pictures, alt, width]) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const { default: widget } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const state = { png: bytes(pictures[0]), alt, width, over: false }, listeners = {};
  const model = {
    get: (name) => state[name],
    on: (names, f) => names.split(" ").forEach((name) => (listeners[name] ??= []).push(f)),
    off: () => {},
  };
  const set = (name, value) => { state[name] = value; listeners[`change:${name}`].forEach((f) => f()); };
  widget.render({ model, el: document.body });
  const image = document.querySelector("img");
  const until = async (good) => { while (!good()) await new Promise((r) => setTimeout(r, 5)); };
  await until(() => image.complete && image.naturalWidth);
  const seen = [image.src];
  set("png", bytes(pictures[1])); set("png", bytes(pictures[2]));  // faster than they are decoded
  await until(() => image.src !== seen[0]);
  await image.decode();
  const answer = { images: document.images.length, same: image === document.images[0], alt: image.alt };
  answer.width = image.width;
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const shown = canvas.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data;
  const last = new Image(); last.src = "data:image/png;base64," + pictures[2]; await last.decode();
  canvas.drawImage(last, 0, 0);
  const expected = canvas.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data;
  answer.last = shown.every((value, i) => value === expected[i]);
  set("over", true);
  return { ...answer, hidden: image.hidden };
}
"""


def test_one_picture_is_replaced_in_place(open_page):
    curves = LiveCurves(9, seconds=0.0)
    pictures = [curves.png]
    for step, loss in ((2, 3.0), (4, 2.0)):
        curves({"step": step, "loss": loss})
        pictures.append(curves.png)
    texts = [base64.b64encode(png).decode() for png in pictures]
    answer = open_page().evaluate(HOST, [curves._esm, texts, curves.alt, curves.width])
    assert answer == {"images": 1, "same": True, "alt": curves.alt, "width": 640, "last": True, "hidden": True}
