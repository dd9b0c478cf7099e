const express = require("express");

const VERSION = "1";
const app = express();
app.get("/", (request, response) => {
  response.send(`${process.env.GREETING || "Hello"} from express ${VERSION}`);
});
app.listen(process.env.PORT);
