console.log(`worker ${process.env.DYNO} begins`);
const beat = setInterval(() => console.log("worker beats"), 1000);
process.on("SIGTERM", () => {
  console.log("worker finishes what it holds");
  clearInterval(beat);
});
