export type ThemeChoice = "system" | "light" | "dark";

const storageKey = "ring3.theme";
const order: readonly ThemeChoice[] = ["system", "light", "dark"];

/** Light, dark, or what the system says; the style sheet does the rest through `color-scheme`. */
export class Theme {
  choice = $state<ThemeChoice>(stored());

  constructor() {
    this.#apply();
  }

  next(): void {
    this.choice = order[(order.indexOf(this.choice) + 1) % order.length];
    try {
      localStorage.setItem(storageKey, this.choice);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    this.#apply();
  }

  #apply(): void {
    document.documentElement.style.colorScheme = this.choice === "system" ? "light dark" : this.choice;
  }
}

function stored(): ThemeChoice {
  try {
    const choice = localStorage.getItem(storageKey);
    return order.find((known) => known === choice) ?? "system";
  } catch {
    return "system";
  }
}
