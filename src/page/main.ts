import { mount } from "svelte";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./page.css";
import Page from "./page.svelte";

const target = document.getElementById("page");
if (target === null) throw new Error("index.html has no #page");
mount(Page, { target });
