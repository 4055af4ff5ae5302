/** The pipeline of the demo: daily weather → months of one year, which the webhook asks for. */

export const monthlyEdge = {
  name: "days to months",
  spec: {
    kind: "code",
    source: `
const months = new Map();
for (const day of input) {
  const month = day.date.slice(0, 7);
  const sum = months.get(month) ?? { month, days: 0, rainy_days: 0, rain_mm: 0, warmest: -Infinity };
  sum.days += 1;
  sum.rainy_days += day.precipitation > 0 ? 1 : 0;
  sum.rain_mm = Math.round((sum.rain_mm + day.precipitation) * 10) / 10;
  sum.warmest = Math.max(sum.warmest, day.temp_max);
  months.set(month, sum);
}
return [...months.values()];`,
    input_schema: {
      type: "array",
      items: { type: "object", required: ["date", "precipitation", "temp_max"] },
    },
    tests: [{
      name: "sums the days of a month",
      input: [
        { date: "2012-01-01", precipitation: 0, temp_max: 12.8 },
        { date: "2012-01-02", precipitation: 10.9, temp_max: 10.6 },
        { date: "2012-02-01", precipitation: 13.5, temp_max: 8.9 },
      ],
      expect: [
        { month: "2012-01", days: 2, rainy_days: 1, rain_mm: 10.9, warmest: 12.8 },
        { month: "2012-02", days: 1, rainy_days: 1, rain_mm: 13.5, warmest: 8.9 },
      ],
    }],
  },
};

export const asIsEdge = { name: "as it is", spec: { kind: "identity" } };

export const requestBlock = { name: "request", block_type: "dataset", spec: { kind: "trigger" } };

export const weatherBlock = (organizationId: string) => ({
  name: "seattle weather",
  block_type: "dataset",
  description: "Daily weather of Seattle, 2012 to 2015",
  spec: {
    kind: "storage",
    bucket: "datasets",
    path: `${organizationId}/seattle-weather.csv`,
    format: "csv",
  },
});

export const reportBlock = {
  name: "report",
  block_type: "model",
  spec: {
    kind: "jsonata",
    expression:
      "$filter(input.`seattle weather`, function($m) { $substring($m.month, 0, 4) = $string(input.request.year) })",
  },
};
