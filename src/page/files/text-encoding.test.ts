import { expect, test } from "vitest";
import { recognizeText } from "./text-encoding.ts";

const utf16 = (text: string) => new Uint8Array(new Uint16Array([...text].map((c) => c.charCodeAt(0))).buffer);

test("byte order marks decide and are not shown", () => {
  expect(recognizeText(new Uint8Array([0xef, 0xbb, 0xbf, 0x41]))).toEqual({
    encoding: "UTF-8",
    byteOrderMark: true,
    text: "A",
  });
  expect(recognizeText(utf16("\ufeffHi"))).toEqual({ encoding: "UTF-16 LE", byteOrderMark: true, text: "Hi" });
  expect(recognizeText(new Uint8Array([0xfe, 0xff, 0, 0x41]))).toEqual({
    encoding: "UTF-16 BE",
    byteOrderMark: true,
    text: "A",
  });
});

test("without a mark the bytes decide", () => {
  expect(recognizeText(utf16("Hello from the Win32 API!\r\n"))?.encoding).toBe("UTF-16 LE");
  expect(recognizeText(new TextEncoder().encode("Grüße, 你好"))).toMatchObject({
    encoding: "UTF-8",
    text: "Grüße, 你好",
  });
  expect(recognizeText(new Uint8Array([0x47, 0x72, 0xfc, 0xdf, 0x65]))).toMatchObject({
    encoding: "Windows-1252",
    text: "Grüße",
  });
});

test("a program is no text", () => {
  expect(recognizeText(new Uint8Array([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0xff, 0xff]))).toBeUndefined();
  expect(recognizeText(new Uint8Array([1, 2, 3, 4]))).toBeUndefined();
});

test("a UTF-8 character cut at the end of the looked-at head is no error", () => {
  const text = "a".repeat(65_535) + "é";
  expect(recognizeText(new TextEncoder().encode(text))).toMatchObject({ encoding: "UTF-8", text });
});
