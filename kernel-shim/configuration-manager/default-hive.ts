/** What the registry of a fresh system holds: what programs and the DLLs of images look for at their start. */
import type { Machine } from "../machine.ts";
import { COMPUTER_NAME, USER_PROFILE, USER_SID } from "../security/identity.ts";
import { KeyNode, SYMBOLIC_LINK_VALUE } from "./key-node.ts";
import type { Registry } from "./registry.ts";
import type { ValueContent } from "./value.ts";
import { binary, dword, expandSz, link, multiSz, qword, sz } from "./value.ts";

type Values = Readonly<Record<string, ValueContent>>;
/** Key path to values. */
type Hive = Readonly<Record<string, Values>>;

const NT = "Microsoft\\Windows NT\\CurrentVersion";
const WINDOWS = "Microsoft\\Windows\\CurrentVersion";
const CONTROL = "ControlSet001\\Control";

function software(build: number): Hive {
  const isWindows11 = build >= 22000;
  return {
    [NT]: {
      CurrentVersion: sz("6.3"),
      CurrentMajorVersionNumber: dword(10),
      CurrentMinorVersionNumber: dword(0),
      CurrentBuild: sz(String(build)),
      CurrentBuildNumber: sz(String(build)),
      CurrentType: sz("Multiprocessor Free"),
      BuildLab: sz(`${build}.vb_release.191206-1406`),
      EditionID: sz("Professional"),
      InstallationType: sz("Client"),
      // Windows 11 still calls itself 10 here.
      ProductName: sz("Windows 10 Pro"),
      DisplayVersion: sz(isWindows11 ? "23H2" : "22H2"),
      ReleaseId: sz("2009"),
      InstallDate: dword(1_704_067_200),
      PathName: sz("C:\\Windows"),
      SystemRoot: sz("C:\\Windows"),
      RegisteredOwner: sz("user"),
      RegisteredOrganization: sz(""),
      ProductId: sz("00330-80000-00000-AA000"),
      UBR: dword(1),
    },
    [`${NT}\\AeDebug`]: { Auto: sz("1") }, // No question to a user: there is nobody who could answer.
    [`${NT}\\Fonts`]: {},
    [`${NT}\\FontSubstitutes`]: {},
    [`${NT}\\Image File Execution Options`]: {},
    [`${NT}\\ProfileList`]: {
      ProfilesDirectory: expandSz("%SystemDrive%\\users"),
      ProgramData: expandSz("%SystemDrive%\\ProgramData"),
      Public: expandSz("%SystemDrive%\\users\\Public"),
    },
    [`${NT}\\ProfileList\\${USER_SID}`]: { ProfileImagePath: expandSz(USER_PROFILE) },
    [`${NT}\\Time Zones\\UTC`]: {
      Display: sz("(UTC) Coordinated Universal Time"),
      Dlt: sz("Coordinated Universal Time"),
      Std: sz("Coordinated Universal Time"),
      MUI_Display: sz("@tzres.dll,-930"),
      MUI_Dlt: sz("@tzres.dll,-931"),
      MUI_Std: sz("@tzres.dll,-932"),
      TZI: binary(...new Array<number>(44).fill(0)),
    },
    [`${NT}\\Windows`]: { AppInit_DLLs: sz(""), LoadAppInit_DLLs: dword(0) },
    [`${NT}\\Winlogon`]: { Shell: sz("explorer.exe") },
    [WINDOWS]: {
      CommonFilesDir: sz("C:\\Program Files\\Common Files"),
      ProgramFilesDir: sz("C:\\Program Files"),
      ProgramFilesPath: expandSz("%ProgramFiles%"),
      DevicePath: expandSz("%SystemRoot%\\inf"),
    },
    [`${WINDOWS}\\Policies\\System`]: { EnableLUA: dword(0) },
    [`${WINDOWS}\\Run`]: {},
    [`${WINDOWS}\\App Paths`]: {},
    "Microsoft\\Cryptography": { MachineGuid: sz("5f0c3c5e-7d1b-4d0f-9a35-2b8e11c7a9d4") },
    "Microsoft\\OLE": {},
    "Microsoft\\Rpc": {},
    Policies: {},
  };
}

function system(): Hive {
  return {
    Select: { Current: dword(1), Default: dword(1), Failed: dword(0), LastKnownGood: dword(1) },
    [CONTROL]: {
      CurrentUser: sz("USERNAME"),
      SystemStartOptions: sz(" NOEXECUTE=OPTIN"),
      WaitToKillServiceTimeout: sz("5000"),
    },
    [`${CONTROL}\\ComputerName\\ComputerName`]: { ComputerName: sz(COMPUTER_NAME) },
    [`${CONTROL}\\ComputerName\\ActiveComputerName`]: { ComputerName: sz(COMPUTER_NAME) },
    [`${CONTROL}\\FileSystem`]: { LongPathsEnabled: dword(0), NtfsDisable8dot3NameCreation: dword(1) },
    [`${CONTROL}\\Lsa`]: { EveryoneIncludesAnonymous: dword(0), restrictanonymous: dword(0) },
    [`${CONTROL}\\Nls\\CodePage`]: { ACP: sz("1252"), OEMCP: sz("437"), MACCP: sz("10000"), OEMHAL: sz("vgaoem.fon") },
    [`${CONTROL}\\Nls\\CustomLocale`]: {},
    [`${CONTROL}\\Nls\\ExtendedLocale`]: {},
    [`${CONTROL}\\Nls\\Language`]: { Default: sz("0409"), InstallLanguage: sz("0409") },
    [`${CONTROL}\\Nls\\Language Groups`]: { "1": sz("1") },
    [`${CONTROL}\\Nls\\Locale`]: { "(Default)": sz("00000409"), "00000409": sz("1") },
    [`${CONTROL}\\Nls\\Locale\\Alternate Sorts`]: {},
    [`${CONTROL}\\Nls\\Sorting\\Versions`]: { "": sz("0006020F") },
    [`${CONTROL}\\ProductOptions`]: { ProductType: sz("WinNT"), ProductSuite: multiSz("Terminal Server") },
    [`${CONTROL}\\Session Manager`]: {
      CriticalSectionTimeout: dword(2_592_000),
      GlobalFlag: dword(0),
      SafeDllSearchMode: dword(1),
    },
    [`${CONTROL}\\Session Manager\\AppCompatCache`]: {},
    [`${CONTROL}\\Session Manager\\Environment`]: {
      ComSpec: expandSz("%SystemRoot%\\system32\\cmd.exe"),
      NUMBER_OF_PROCESSORS: sz("1"),
      OS: sz("Windows_NT"),
      Path: expandSz("%SystemRoot%\\system32;%SystemRoot%;%SystemRoot%\\System32\\Wbem"),
      PATHEXT: sz(".COM;.EXE;.BAT;.CMD;.VBS;.JS"),
      PROCESSOR_ARCHITECTURE: sz("AMD64"),
      PROCESSOR_IDENTIFIER: sz("Intel64 Family 6 Model 94 Stepping 3, GenuineIntel"),
      PROCESSOR_LEVEL: sz("6"),
      PROCESSOR_REVISION: sz("5e03"),
      TEMP: expandSz("%SystemRoot%\\TEMP"),
      TMP: expandSz("%SystemRoot%\\TEMP"),
      USERNAME: sz("SYSTEM"),
      windir: expandSz("%SystemRoot%"),
    },
    [`${CONTROL}\\Session Manager\\KnownDLLs`]: {},
    [`${CONTROL}\\TimeZoneInformation`]: {
      ActiveTimeBias: dword(0),
      Bias: dword(0),
      DaylightBias: dword(0),
      DaylightName: sz("Coordinated Universal Time"),
      DaylightStart: binary(...new Array<number>(16).fill(0)),
      StandardBias: dword(0),
      StandardName: sz("Coordinated Universal Time"),
      StandardStart: binary(...new Array<number>(16).fill(0)),
      TimeZoneKeyName: sz("UTC"),
      DynamicDaylightTimeDisabled: dword(0),
    },
    [`${CONTROL}\\Windows`]: {
      CSDVersion: dword(0),
      Directory: expandSz("%SystemRoot%"),
      SystemDirectory: expandSz("%SystemRoot%\\system32"),
    },
    "ControlSet001\\Services": {},
    "ControlSet001\\Services\\Tcpip\\Parameters": {
      Hostname: sz(COMPUTER_NAME),
      "NV Hostname": sz(COMPUTER_NAME),
      Domain: sz(""),
    },
    "ControlSet001\\Services\\EventLog": {},
  };
}

const hardware: Hive = {
  "DESCRIPTION\\System": { Identifier: sz("AT/AT COMPATIBLE"), SystemBiosVersion: multiSz("RING3  - 1") },
  "DESCRIPTION\\System\\BIOS": {
    BIOSVendor: sz("Ring 3"),
    SystemManufacturer: sz("Ring 3"),
    SystemProductName: sz("Ring 3"),
  },
  "DESCRIPTION\\System\\CentralProcessor\\0": {
    "~MHz": dword(1000),
    Identifier: sz("Intel64 Family 6 Model 94 Stepping 3"),
    ProcessorNameString: sz("Ring 3 x86-64 CPU"),
    VendorIdentifier: sz("GenuineIntel"),
  },
};

/** Of the current user and of `.DEFAULT`. */
const user: Hive = {
  "AppEvents": {},
  Console: { ScreenBufferSize: dword(0x012c_0050), WindowSize: dword(0x0019_0050), CodePage: dword(437) },
  "Control Panel\\Desktop": { PreferredUILanguages: multiSz("en-US") },
  "Control Panel\\International": {
    Locale: sz("00000409"),
    LocaleName: sz("en-US"),
    iCountry: sz("1"), iCurrDigits: sz("2"), iCurrency: sz("0"), iDate: sz("0"), iDigits: sz("2"), iFirstDayOfWeek: sz("6"),
    iFirstWeekOfYear: sz("0"), iLZero: sz("1"), iMeasure: sz("1"), iNegCurr: sz("0"), iNegNumber: sz("1"), iPaperSize: sz("1"),
    iTime: sz("0"), iTLZero: sz("0"), NumShape: sz("1"),
    s1159: sz("AM"), s2359: sz("PM"), sCountry: sz("United States"), sCurrency: sz("$"), sDate: sz("/"), sDecimal: sz("."),
    sGrouping: sz("3;0"), sLanguage: sz("ENU"), sList: sz(","), sLongDate: sz("dddd, MMMM d, yyyy"), sMonDecimalSep: sz("."),
    sMonGrouping: sz("3;0"), sMonThousandSep: sz(","), sNativeDigits: sz("0123456789"), sNegativeSign: sz("-"), sPositiveSign: sz(""),
    sShortDate: sz("M/d/yyyy"), sShortTime: sz("h:mm tt"), sThousand: sz(","), sTime: sz(":"), sTimeFormat: sz("h:mm:ss tt"),
    sYearMonth: sz("MMMM yyyy"),
  },
  "Control Panel\\International\\Geo": { Nation: sz("244"), Name: sz("US") },
  Environment: { TEMP: expandSz("%USERPROFILE%\\AppData\\Local\\Temp"), TMP: expandSz("%USERPROFILE%\\AppData\\Local\\Temp") },
  "Keyboard Layout\\Preload": { "1": sz("00000409") },
  [`Software\\${WINDOWS}\\Explorer\\User Shell Folders`]: {
    AppData: expandSz("%USERPROFILE%\\AppData\\Roaming"),
    "Local AppData": expandSz("%USERPROFILE%\\AppData\\Local"),
    Desktop: expandSz("%USERPROFILE%\\Desktop"),
    Personal: expandSz("%USERPROFILE%\\Documents"),
  },
  [`Software\\${WINDOWS}\\Internet Settings`]: { ProxyEnable: dword(0) },
  [`Software\\${NT}\\Windows`]: {},
  Software: {},
}; // prettier-ignore

const volatileEnvironment: Values = {
  APPDATA: sz(`${USER_PROFILE}\\AppData\\Roaming`),
  HOMEDRIVE: sz("C:"),
  HOMEPATH: sz(USER_PROFILE.slice(2)),
  LOCALAPPDATA: sz(`${USER_PROFILE}\\AppData\\Local`),
  LOGONSERVER: sz(`\\\\${COMPUTER_NAME}`),
  USERDOMAIN: sz(COMPUTER_NAME),
  USERNAME: sz("user"),
  USERPROFILE: sz(USER_PROFILE),
};

/** Product policy: no limit of user interface languages. */
const licenses: Values = {
  "Kernel-MUI-Language-Allowed": sz("EMPTY"),
  "Kernel-MUI-Language-Disallowed": sz("EMPTY"),
  "Kernel-MUI-Number-Allowed": dword(1000),
};

export function fillDefaultHive(registry: Registry, machine: Machine): void {
  const time = machine.clock.systemTime;
  const load = (root: string, hive: Hive): void => {
    registry.ensure(root, time);
    for (const [path, values] of Object.entries(hive)) {
      const node = registry.ensure(`${root}\\${path}`, time);
      for (const [name, content] of Object.entries(values)) node.setValue(name, content, time);
    }
  };
  const linkKey = (path: string, target: string): void => {
    const at = path.lastIndexOf("\\");
    const parent = registry.ensure(path.slice(0, at), time);
    const node = new KeyNode(path.slice(at + 1), parent, time, { isLink: true, volatile: true });
    node.setValue(SYMBOLIC_LINK_VALUE, link(target), time);
    parent.insert(node, time);
  };
  load("MACHINE\\SOFTWARE", software(machine.build));
  // What 32-bit programs see. Which of the two a 64-bit program means with KEY_WOW64_32KEY, its DLLs say by name.
  load("MACHINE\\SOFTWARE\\Wow6432Node", software(machine.build));
  load("MACHINE\\SOFTWARE\\Classes", { CLSID: {}, Interface: {} });
  load("MACHINE\\SOFTWARE\\Classes\\Wow6432Node", { CLSID: {}, Interface: {} });
  linkKey("MACHINE\\SOFTWARE\\Wow6432Node\\Classes", "\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\Wow6432Node");
  load("MACHINE\\SYSTEM", system());
  load("MACHINE\\HARDWARE", hardware);
  load("MACHINE\\SAM", {});
  load("MACHINE\\SECURITY", {});
  for (const [name, content] of Object.entries(licenses)) registry.licenses.setValue(name, content, time);
  load("USER\\.DEFAULT", user);
  load("USER\\S-1-5-18", user);
  load(`USER\\${USER_SID}`, { ...user, "Volatile Environment": volatileEnvironment });
  load(`USER\\${USER_SID}_Classes`, {});
  linkKey("MACHINE\\SYSTEM\\CurrentControlSet", "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001");
  linkKey(`USER\\${USER_SID}\\Software\\Classes`, `\\REGISTRY\\USER\\${USER_SID}_Classes`);
  registry.ensure(`MACHINE\\SYSTEM\\${CONTROL}\\Windows`, time).setValue("ShutdownTime", qword(time), time);
}
