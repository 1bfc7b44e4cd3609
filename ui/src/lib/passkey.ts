// Passkeys: the browser's own functions, between the server's options and its answers.
import type { Assertion, Attestation, CreationOptions, RequestOptions } from "../api/types";

const from64url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const to64url = (buffer: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

export const canPasskey = (): boolean => typeof PublicKeyCredential === "function" && isSecureContext;

export async function createPasskey(options: CreationOptions): Promise<Attestation | null> {
  const made = await navigator.credentials.create({
    publicKey: {
      ...(options as unknown as PublicKeyCredentialCreationOptions),
      challenge: from64url(options.challenge),
      user: { ...options.user, id: from64url(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((one) => ({ type: "public-key", id: from64url(one.id) })),
    },
  });
  if (!(made instanceof PublicKeyCredential)) return null;
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    response: { clientDataJSON: to64url(response.clientDataJSON), attestationObject: to64url(response.attestationObject) },
  };
}

export async function usePasskey(options: RequestOptions): Promise<Assertion | null> {
  const found = await navigator.credentials.get({
    publicKey: {
      ...(options as unknown as PublicKeyCredentialRequestOptions),
      challenge: from64url(options.challenge),
      allowCredentials: options.allowCredentials.map((one) => ({ type: "public-key", id: from64url(one.id) })),
    },
  });
  if (!(found instanceof PublicKeyCredential)) return null;
  const response = found.response as AuthenticatorAssertionResponse;
  return {
    id: found.id,
    response: {
      clientDataJSON: to64url(response.clientDataJSON),
      authenticatorData: to64url(response.authenticatorData),
      signature: to64url(response.signature),
      userHandle: response.userHandle ? to64url(response.userHandle) : null,
    },
  };
}
