const grouped = new Intl.NumberFormat("en-US");

export function integer(value: number): string {
  return grouped.format(Math.round(value));
}

// "1.53", "0.0039", "12,400": at most four significant digits below a thousand.
export function real(value: number): string {
  if (Number.isInteger(value)) return grouped.format(value);
  const size = Math.abs(value);
  if (size >= 1000) return grouped.format(Math.round(value));
  if (size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)} %`;
}

export function shapeText(shape: number[] | undefined): string {
  return shape === undefined ? "?" : shape.length === 0 ? "scalar" : shape.join(" × ");
}

export function bits(value: number): string {
  if (value === 0) return "–";
  return value < 10_000 ? `${grouped.format(value)} bits` : `${grouped.format(Math.round(value / 1000))} kbit`;
}

export function microseconds(cycles: number, clockMhz: number): string {
  const time = cycles / clockMhz;
  return time < 1000 ? `${real(time)} µs` : `${real(time / 1000)} ms`;
}
