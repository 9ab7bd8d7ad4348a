/** Show one picture. It is replaced when the next is decoded, so nothing flickers, and hidden for the still. */
function render({ model, el }) {
  const image = document.createElement("img");
  el.append(image);
  let newest = 0;

  async function draw() {
    const turn = ++newest;
    const url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    const next = new Image();
    next.src = url;
    await next.decode().catch(() => {});
    const stale = turn === newest ? image.src : url; // a later picture may have been decoded first
    if (turn === newest) image.src = url;
    if (stale) URL.revokeObjectURL(stale);
  }

  function describe() {
    image.alt = model.get("alt");
    image.width = model.get("width");
    image.hidden = model.get("over");
  }

  model.on("change:png", draw);
  model.on("change:alt change:over change:width", describe);
  describe();
  draw();
  return () => {
    newest = Infinity;
    model.off("change:png", draw);
    model.off("change:alt change:over change:width", describe);
    if (image.src) URL.revokeObjectURL(image.src);
  };
}

export default { render };
