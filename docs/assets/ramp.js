// The colour map of heat maps, from the stops that the page has, as 256 numbers that ImageData takes.

export const ramp = (() => {
  const stops = JSON.parse(document.getElementById("coolwarm").textContent).map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, n) => {
    const at = (n / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[low].map((v, k) => Math.round(v + (stops[low + 1][k] - v) * (at - low)));
    return (255 << 24) | (b << 16) | (g << 8) | r; // ImageData is RGBA, and every machine with a browser is little-endian
  });
})();
