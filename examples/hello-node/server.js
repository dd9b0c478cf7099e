const http = require("node:http");

const server = http.createServer((request, response) => {
  response.end(`Hello from ${process.env.DYNO} on Node.js ${process.version}\n`);
});
server.listen(process.env.PORT, () => console.log("listening"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
