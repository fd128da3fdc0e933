import { redis } from "../../src/servers/redis/index.ts";

/** A worker to be killed: takes what there is, renews it, settles nothing. `node faults-victim.ts <url> <channel> <count>`. */
const [url = "", channel = "", count = "0"] = process.argv.slice(2);
const server = redis({ url, leaseDuration: 1500 });
await server.connect();
let held = 0;
await server.subscribe({
  channels: [{ name: channel }],
  maxUnsettled: Number(count),
  onDelivery(delivery) {
    held += 1;
    setInterval(() => void Promise.resolve(delivery.lease?.extend()).catch(() => {}), 500);
    if (held === Number(count)) console.log("full");
  },
  onStateChange() {},
});
