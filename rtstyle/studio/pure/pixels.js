// Pictures as RGB bytes.

/** Draw a picture in a size, on white, and return its RGB bytes. */
export function rgbOf(picture, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  return withoutAlpha(context.getImageData(0, 0, width, height).data);
}

export function withoutAlpha(rgba) {
  const rgb = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
  return rgb;
}

/** The size in which the style encoder is shown a painting: of the area side², 64 to 1024. */
export function shownSize(width, height, side) {
  const factor = side / Math.sqrt(width * height);
  const fit = (length) => Math.min(1024, Math.max(64, Math.round(length * factor)));
  return [fit(width), fit(height)];
}
