import { isIPv4, isIPv6 } from "node:net";

const date = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const time = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/i;

function isDate(text: string): boolean {
  if (!date.test(text)) return false;
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: (text) => time.test(text),
  "date-time"(text) {
    const [day = "", rest = ""] = text.split(/[t ]/i);
    return isDate(day) && time.test(rest);
  },
  email: (text) => /^[^\s@()<>,;:\\"[\]]+@(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z\d](?:[a-z\d-]*[a-z\d])?$/i.test(text),
  uuid: (text) => /^(?:urn:uuid:)?[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(text),
  uri: (text) => /^[a-z][a-z\d+.-]*:\S+$/i.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
};

/** Whether a text has a format. Formats that are not known here are remarks. */
export function fitsFormat(text: string, format: unknown): boolean {
  if (typeof format !== "string" || !Object.hasOwn(formats, format)) return true;
  return formats[format]?.(text) ?? true;
}
