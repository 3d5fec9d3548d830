/** A message in the languages that the enrichment API speaks. */
export interface Message {
  es: string;
  en: string;
}

export type Language = keyof Message;

/** Everything that the enrichment API says. */
export const MESSAGES = {
  healthy: { es: 'API está operativa', en: 'API is operational' },
  signedUp: { es: 'Usuario registrado exitosamente', en: 'User registered successfully' },
  signedIn: { es: 'Autenticación exitosa', en: 'Authentication successful' },
  emptyBody: { es: 'cuerpo de la solicitud vacío', en: 'empty request body' },
  badJson: { es: 'formato JSON inválido', en: 'invalid JSON format' },
  credentialsNeeded: {
    es: 'email y contraseña son requeridos',
    en: 'email and password are required',
  },
  badEmail: { es: 'el email no es válido', en: 'the email is not valid' },
  badRole: {
    es: 'rol inválido: se espera user, operator o admin',
    en: 'invalid role: expected user, operator or admin',
  },
  emailTaken: { es: 'el email ya está registrado', en: 'the email is already registered' },
  signUpClosed: {
    es: 'registro no permitido: está cerrado o requiere el token de instalación (setupToken)',
    en: 'sign-up is not allowed: it is closed, or takes the set-up token (setupToken)',
  },
  wrongCredentials: { es: 'credenciales inválidas', en: 'invalid credentials' },
  noRecords: {
    es: "el JSON no contiene registros en 'Records'",
    en: "the JSON holds no records in 'Records'",
  },
  noAuthorization: {
    es: 'Token no proporcionado o formato inválido: encabezado de autorización no proporcionado',
    en: 'Token not provided or invalid format: authorization header not provided',
  },
  badAuthorization: {
    es: 'Token no proporcionado o formato inválido: formato de token inválido',
    en: 'Token not provided or invalid format: invalid token format',
  },
  badToken: {
    es: 'Autenticación fallida: token inválido, expirado o revocado',
    en: 'Authentication failed: invalid, expired or revoked token',
  },
  forbidden: {
    es: 'permisos insuficientes: se requiere el rol operator',
    en: 'insufficient permissions: the role operator is required',
  },
  notFound: { es: 'recurso no encontrado', en: 'resource not found' },
  wrongMethod: { es: 'método no permitido', en: 'method not allowed' },
  tooLarge: { es: 'cuerpo de la solicitud demasiado grande', en: 'request body too large' },
  badEncoding: {
    es: 'codificación no soportada: se espera gzip',
    en: 'unsupported encoding: expected gzip',
  },
  tooMany: { es: 'demasiadas solicitudes: reintente más tarde', en: 'too many requests: try again later' },
  unavailable: {
    es: 'servicio no disponible temporalmente: reintente',
    en: 'service temporarily unavailable: try again',
  },
  badRequest: { es: 'solicitud inválida', en: 'invalid request' },
  failed: { es: 'error interno del servidor', en: 'internal server error' },
} as const satisfies Record<string, Message>;

export function ingested(count: number): Message {
  return {
    es: `${count} registros procesados y enriquecidos exitosamente`,
    en: `${count} records processed and enriched successfully`,
  };
}

export function newestEvents(count: number): Message {
  return {
    es: `Últimos ${count} eventos enriquecidos obtenidos exitosamente`,
    en: `Last ${count} enriched events retrieved successfully`,
  };
}

/** @param fault what is wrong with it, in English */
export function badPassword(fault: string): Message {
  return {
    es: 'la contraseña no es válida: se esperan de 8 a 128 caracteres, y que no sea de las más comunes',
    en: `the password is not valid: ${fault}`,
  };
}

/** English where Accept-Language prefers it to Spanish, else Spanish. */
export function languageOf(acceptLanguage: string | undefined): Language {
  return weightOf('en', acceptLanguage) > weightOf('es', acceptLanguage) ? 'en' : 'es';
}

/** The highest weight that a language has in Accept-Language (RFC 9110, 12.5.4), in whatever country; 0 for none. */
function weightOf(language: Language, header = ''): number {
  const weights = header.split(',').map((item) => {
    const [tag = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (tag !== language && !tag.startsWith(`${language}-`)) return 0;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return weight ? Number(weight.slice(2)) || 0 : 1;
  });
  return Math.max(...weights);
}
