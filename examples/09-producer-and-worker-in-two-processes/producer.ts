import { createApp } from "millrace";
import { sqlite } from "millrace/sqlite";
import { path, resize } from "./contracts.ts";

const app = createApp({ server: sqlite({ path }) });
await app.sendMany(resize, [
  { path: "cat.jpg", width: 100 },
  { path: "dog.jpg", width: 200 },
  { path: "owl.jpg", width: 300 },
]);
// The disk has them: this process may go, or be killed, and nothing is lost.
console.log("producer: 3 sent, bye");
await app.close();
