// Who is signed in, for every part of the page.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Permission, Session } from "../api/types";

export interface Signed {
  session: Session;
  reload: () => void;
}
export const SessionContext = createContext<Signed | null>(null);
export const useSession = (): Signed | null => useContext(SessionContext);
export const may = (signed: Signed | null, permission: Permission): boolean => signed?.session.permissions.includes(permission) ?? false;
